"""Criteria: which output channels of a convolution matter least."""

from collections.abc import Callable

import torch
from torch import nn

# One score per output channel, the lowest pruned first. The generator is for criteria that draw.
Criterion = Callable[[nn.Conv2d, torch.Generator], torch.Tensor]


def l1(conv: nn.Conv2d, _: torch.Generator) -> torch.Tensor:
    """Li et al. 2017, Pruning Filters for Efficient ConvNets."""
    return conv.weight.detach().abs().sum(dim=(1, 2, 3))


def l2(conv: nn.Conv2d, _: torch.Generator) -> torch.Tensor:
    return conv.weight.detach().square().sum(dim=(1, 2, 3)).sqrt()


def random(conv: nn.Conv2d, generator: torch.Generator) -> torch.Tensor:
    """What any criterion has to beat."""
    return torch.rand(conv.out_channels, generator=generator)


CRITERIA: dict[str, Criterion] = {"l1": l1, "l2": l2, "random": random}


def strongest(scores: torch.Tensor, count: int) -> torch.Tensor:
    """Positions of the `count` highest scores, rising; of equal scores the first stays."""
    order = torch.sort(scores, descending=True, stable=True).indices
    return order[:count].sort().values
