"""Networks of a few layers, to show what export, rounding and pruning make of each operator."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from space.data.images import ImageShape
from space.networks.prunable import Prunable

IMAGE = ImageShape(channels=3, side=8)


class Small(Prunable):
    """`path` says what happens to the images, with the layers that are given by name."""

    def __init__(self, path: Callable[["Small", Tensor], Tensor], **layers: nn.Module) -> None:
        super().__init__()
        self.widths, self.halvings, self.image, self.classes = (), (), IMAGE, 10
        self.path = path
        for name, layer in layers.items():
            self.add_module(name, layer)

    def forward(self, images: Tensor) -> Tensor:
        return self.path(self, images)


def conv(reads: int = 3, channels: int = 4, **options: object) -> nn.Conv2d:
    return nn.Conv2d(reads, channels, 3, padding=1, **options)


def head(columns: int = 4 * 64) -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(columns, 10))


def averaged(channels: int = 4) -> nn.Module:
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10))


# The networks by what each is about.
NETWORKS: dict[str, Callable[[], Small]] = {
    "sum": lambda: Small(
        lambda net, x: net.head(torch.relu(net.one(x) + net.two(x))), one=conv(), two=conv(), head=head()
    ),
    "sum with what it was made from": lambda: Small(
        lambda net, x: net.head(net.clip(torch.add(net.two(y := net.relu(net.one(x))), y))),
        one=conv(), relu=nn.ReLU(), two=conv(4), clip=nn.ReLU6(), head=averaged(),
    ),
    "batchnorm behind a sum": lambda: Small(
        lambda net, x: net.head(net.norm(net.one(x) + net.two(x))),
        one=conv(), two=conv(), norm=nn.BatchNorm2d(4), head=averaged(),
    ),
    "batchnorm that does not read alone": lambda: Small(
        lambda net, x: net.head(net.norm(y := net.one(x)) + y), one=conv(), norm=nn.BatchNorm2d(4), head=averaged()
    ),
    "batchnorm of a convolution with a bias": lambda: Small(
        lambda net, x: net.head(net.norm(net.one(x))), one=conv(), norm=nn.BatchNorm2d(4), head=averaged()
    ),
    "neither bias nor batchnorm": lambda: Small(
        lambda net, x: net.head(net.one(x)), one=conv(bias=False), head=averaged()
    ),
    "pools": lambda: Small(
        lambda net, x: net.head(net.most(net.mean(net.one(x)))),
        one=conv(), mean=nn.AvgPool2d(3, 2, 1, count_include_pad=False), most=nn.MaxPool2d(2), head=head(4 * 4),
    ),
    "functions": lambda: Small(
        lambda net, x: net.last(F.adaptive_avg_pool2d(F.max_pool2d(F.relu6(net.one(x)), 2), 1).flatten(start_dim=1)),
        one=conv(), last=nn.Linear(4, 10),
    ),
    "nothing to do": lambda: Small(
        lambda net, x: net.head(net.drop(net.same(net.one(x)))),
        one=conv(), same=nn.Identity(), drop=nn.Dropout(0.5), head=averaged(),
    ),
    "images that a pool reads": lambda: Small(
        lambda net, x: net.head(net.one(net.most(x))), most=nn.MaxPool2d(2), one=conv(), head=averaged()
    ),
    "images that several read": lambda: Small(
        lambda net, x: net.head(net.one(x)) + net.other(x), one=conv(), head=averaged(), other=head(3 * 64)
    ),
    "one activation for all": lambda: Small(
        lambda net, x: net.head(net.relu(net.two(net.relu(net.one(x))))),
        one=conv(), relu=nn.ReLU(), two=conv(4), head=averaged(),
    ),
}  # fmt: skip
