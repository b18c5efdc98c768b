"""MobileNetV2 for 32x32 images: a stem, seventeen inverted bottlenecks in seven stages, and a head."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor, nn

from space.data.images import ImageShape
from space.networks.mobilenet_v2.description import MOBILENET_V2
from space.networks.mobilenet_v2.layers import CLASSES, IMAGE
from space.networks.mobilenet_v2.shape import HALVINGS, HEAD, STEM, UNIT_NAMES, WIDTHS, Inverted, inverted
from space.networks.prunable import Prunable
from space.networks.unit import Reader, Unit, Writer


@dataclass
class _Parts:
    """What a unit consists of, as far as it has been met."""

    writers: list[Writer] = field(default_factory=list)
    readers: list[Reader] = field(default_factory=list)
    followers: tuple[str, ...] = ()


class Bottleneck(nn.Sequential):
    """A block: expanded where it has an expansion, filtered depthwise, narrowed without a ReLU behind it."""

    def __init__(self, block: Inverted) -> None:
        super().__init__()
        self.shortcut = block.shortcut
        filtered = block.filtered
        if block.block.expansion is not None:
            self.add_module("expand", nn.Conv2d(block.channels, filtered, 1, bias=False))
            self.add_module("expand_bn", nn.BatchNorm2d(filtered))
            self.add_module("expand_relu", nn.ReLU6())
        stride = 2 if block.halves else 1
        self.add_module("depthwise", nn.Conv2d(filtered, filtered, 3, stride, 1, groups=filtered, bias=False))
        self.add_module("depthwise_bn", nn.BatchNorm2d(filtered))
        self.add_module("depthwise_relu", nn.ReLU6())
        self.add_module("project", nn.Conv2d(filtered, block.width, 1, bias=False))
        self.add_module("project_bn", nn.BatchNorm2d(block.width))

    def forward(self, images: Tensor) -> Tensor:
        result: Tensor = super().forward(images)  # type: ignore[no-untyped-call]
        return images + result if self.shortcut else result


class MobileNetV2(nn.Sequential, Prunable):
    """One width for each stage and one for each expansion; what has width 0 is not there."""

    def __init__(
        self,
        widths: Sequence[int] = WIDTHS,
        halvings: Sequence[int] = HALVINGS,
        *,
        image: ImageShape = IMAGE,
        classes: int = CLASSES,
    ) -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.halvings = tuple(halvings)
        self.image, self.classes = image, classes
        MOBILENET_V2.check_shape(self.widths, self.halvings)
        stride = 2 if STEM in self.halvings else 1
        self.add_module("stem", _convolution(image.channels, widths[STEM], 3, stride))
        channels = widths[STEM]
        for block in inverted(self.widths, self.halvings):
            self.add_module(block.block.name, Bottleneck(block))
            channels = block.width
        if widths[HEAD]:
            self.add_module("head", _convolution(channels, widths[HEAD], 1, 1))
            channels = widths[HEAD]
        self.add_module("pool", nn.AdaptiveAvgPool2d(1))
        self.add_module("flatten", nn.Flatten())
        self.add_module("classifier", nn.Linear(channels, classes))

    def units(self) -> tuple[Unit, ...]:
        """The units in the order of the widths: stem, expansions and stages, head."""
        parts = {STEM: _Parts([_writer("stem.conv")])}
        last = STEM
        for block in inverted(self.widths, self.halvings):
            name, expansion, stage = block.block.name, block.block.expansion, block.block.stage
            filtering = (f"{name}.depthwise", f"{name}.depthwise_bn")
            if expansion is None:
                parts[last].followers += filtering
                parts[last].readers.append(Reader(f"{name}.project"))
            else:
                parts[last].readers.append(Reader(f"{name}.expand"))
                parts[expansion] = _Parts([_writer(f"{name}.expand")], [Reader(f"{name}.project")], filtering)
            parts.setdefault(stage, _Parts()).writers.append(_writer(f"{name}.project"))
            last = stage
        if self.widths[HEAD]:
            parts[last].readers.append(Reader("head.conv"))
            parts[HEAD] = _Parts([_writer("head.conv")])
            last = HEAD
        parts[last].readers.append(Reader("classifier"))
        return tuple(
            Unit(UNIT_NAMES[index], index, self.widths[index], tuple(part.writers), part.followers, tuple(part.readers))
            for index, part in sorted(parts.items())
        )

    def reshaped(self, widths: Sequence[int], halvings: Sequence[int]) -> "MobileNetV2":
        """A new network of another shape, its weights not yet set."""
        return MobileNetV2(widths, halvings, image=self.image, classes=self.classes)


def _convolution(channels: int, width: int, kernel: int, stride: int) -> nn.Sequential:
    part = nn.Sequential()
    part.add_module("conv", nn.Conv2d(channels, width, kernel, stride, kernel // 2, bias=False))
    part.add_module("conv_bn", nn.BatchNorm2d(width))
    part.add_module("conv_relu", nn.ReLU6())
    return part


def _writer(conv: str) -> Writer:
    return Writer(conv, f"{conv}_bn")
