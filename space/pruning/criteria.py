"""Criteria: which output channels of a convolution matter least."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from space.errors import CandidateError, RequestError
from space.networks.network import Network

# The criteria's names alone are known without torch.
if TYPE_CHECKING:
    import torch


@dataclass(frozen=True, slots=True)
class Filters:
    """The filters of a unit, as a criterion sees them."""

    # Output channels x input channels x kernel.
    weights: "torch.Tensor"
    # The factor of the BatchNorm that follows, one per output channel; None where none does.
    scale: "torch.Tensor | None" = None


# One score for each output channel, the lowest pruned first. The generator is for criteria that draw.
Criterion = Callable[[Filters, "torch.Generator"], "torch.Tensor"]


def l1(filters: Filters, _: "torch.Generator") -> "torch.Tensor":
    """Li et al. 2017, Pruning Filters for Efficient ConvNets."""
    return filters.weights.abs().sum(dim=(1, 2, 3))


def l2(filters: Filters, _: "torch.Generator") -> "torch.Tensor":
    return filters.weights.square().sum(dim=(1, 2, 3)).sqrt()


def random(filters: Filters, generator: "torch.Generator") -> "torch.Tensor":
    """What any criterion has to beat."""
    import torch

    return torch.rand(len(filters.weights), generator=generator)


def fpgm(filters: Filters, _: "torch.Generator") -> "torch.Tensor":
    """He et al. 2019, Filter Pruning via Geometric Median: the filters that the others can stand in for go first."""
    import torch

    points = filters.weights.flatten(1)
    # The faster way by inner products makes close filters coincide.
    return torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist").sum(dim=1)


def bn_scale(filters: Filters, _: "torch.Generator") -> "torch.Tensor":
    """Liu et al. 2017, Learning Efficient Convolutional Networks through Network Slimming."""
    if filters.scale is None:
        raise CandidateError("criterion bn_scale: no BatchNorm follows these filters; l1, l2 and fpgm need none")
    return filters.scale.abs()


# Judges by the scales of a copy of the baseline that was trained for it: see space.pruning.slimming.
SLIMMING = "slimming"

# The order is that of the search's choices: new rows go to the end. A new row is a choice of the full space, whose
# studies begin anew with it, unless `space.dimensions` leaves it to --fix, as it does SLIMMING.
CRITERIA: dict[str, Criterion] = {
    "l1": l1,
    "l2": l2,
    "random": random,
    "fpgm": fpgm,
    "bn_scale": bn_scale,
    SLIMMING: bn_scale,
}


# Single weights instead of channels, by their names in a grid: what the weights of a whole network are judged by, as
# space.pruning.weights has it. A search has no such choice.
WEIGHT_METHODS = {"weight_magnitude": "magnitude", "weight_random": "random"}


def methods() -> tuple[str, ...]:
    """All that a grid can prune by."""
    return (*CRITERIA, *WEIGHT_METHODS)


# What people call them; others by their names.
_TITLES = {
    "l1": "L1 filters",
    SLIMMING: "network slimming",
    "weight_magnitude": "magnitude",
    "weight_random": "random weights",
}


def method_title(name: str) -> str:
    return _TITLES.get(name, name)


def by_scale(criterion: str) -> bool:
    """Whether scores of different units can be compared, as the scales of BatchNorm can: then the lowest of a whole
    network go first, and units lose different shares."""
    return CRITERIA.get(criterion) is bn_scale


def criteria_of(network: Network) -> tuple[str, ...]:
    """The criteria that the network's filters can be judged by."""
    return tuple(name for name, score in CRITERIA.items() if network.batchnorm or score is not bn_scale)


def check_criterion(name: str, network: Network) -> None:
    """RequestError names those there are."""
    if name not in CRITERIA:
        raise RequestError(f"criterion {name!r} is not known; choose {', '.join(CRITERIA)}")
    if name not in (known := criteria_of(network)):
        raise RequestError(
            f"criterion {name!r} judges by the scales of BatchNorm, and {network.title} has none; "
            f"choose {', '.join(known)}"
        )


def check_method(name: str, network: Network) -> None:
    """The same for what a grid prunes by."""
    if name not in WEIGHT_METHODS:
        check_criterion(name, network)


def strongest(scores: "torch.Tensor", count: int) -> "torch.Tensor":
    """Positions of the `count` highest scores, rising; of equal scores the first stays."""
    order = scores.sort(descending=True, stable=True).indices
    return order[:count].sort().values
