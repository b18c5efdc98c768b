"""Criteria: which output channels of a convolution matter least."""

from collections.abc import Callable

import torch

# From filters (output channels x input channels x kernel) one score each, the lowest pruned first. The generator is
# for criteria that draw.
Criterion = Callable[[torch.Tensor, torch.Generator], torch.Tensor]


def l1(filters: torch.Tensor, _: torch.Generator) -> torch.Tensor:
    """Li et al. 2017, Pruning Filters for Efficient ConvNets."""
    return filters.abs().sum(dim=(1, 2, 3))


def l2(filters: torch.Tensor, _: torch.Generator) -> torch.Tensor:
    return filters.square().sum(dim=(1, 2, 3)).sqrt()


def random(filters: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """What any criterion has to beat."""
    return torch.rand(len(filters), generator=generator)


CRITERIA: dict[str, Criterion] = {"l1": l1, "l2": l2, "random": random}


def strongest(scores: torch.Tensor, count: int) -> torch.Tensor:
    """Positions of the `count` highest scores, rising; of equal scores the first stays."""
    order = torch.sort(scores, descending=True, stable=True).indices
    return order[:count].sort().values
