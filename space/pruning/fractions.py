"""Fractions: pruning by a share of each unit's channels, or of all parameters, as a recipe; loads nothing heavy."""

import math
from collections.abc import Callable, Collection
from dataclasses import replace
from functools import cache

from space.networks.choose import NETWORKS, network_of
from space.pruning.criteria import WEIGHT_METHODS
from space.pruning.parameters import evenly, of_share
from space.recipe import Recipe

# A product that is whole in decimals may lie so much beside it in binary: 10 x (1 - 0.9) is 0.9999999999999998.
_BINARY = 1e-9


def kept(channels: int, fraction: float) -> int:
    """floor(c x (1 - fraction)), at least one."""
    return max(1, math.floor(channels * (1 - fraction) + _BINARY))


def left(channels: int, fraction: float) -> int:
    """c - floor(c x fraction), at least one."""
    return max(1, channels - math.floor(channels * fraction + _BINARY))


# Which number is rounded down, the one kept or the one pruned: how many channels stay.
KEPT, PRUNED = "kept", "pruned"
ROUNDINGS: dict[str, Callable[[int, float], int]] = {KEPT: kept, PRUNED: left}

# What a fraction is of: the channels of every unit, or the parameters of the network.
CHANNELS, PARAMETERS = "channels", "parameters"
OF = (CHANNELS, PARAMETERS)


def pruned(
    unpruned: Recipe,
    fraction: float,
    *,
    epochs: int,
    quantization: str,
    criterion: str,
    rounding: str = KEPT,
    whole: Collection[str] = (),
    of: str = CHANNELS,
    rewound: bool = False,
    widths: tuple[int, ...] | None = None,
) -> Recipe:
    """`unpruned` without that fraction of its channels; fraction 0 is that network as it is, trained no further.
    `whole`: names of units that keep all of theirs. `widths`: those that are left where a trained network decided
    it."""
    # The network, whatever it is run with.
    bare = Recipe(architecture=unpruned.architecture, widths=unpruned.widths, halvings=unpruned.halvings)
    if fraction == 0:
        return replace(bare, quantization=quantization)
    rate = _rate(unpruned) if epochs else unpruned.learning_rate
    tuned = replace(bare, epochs=epochs, learning_rate=rate, quantization=quantization, rewound=rewound)
    if criterion in WEIGHT_METHODS:
        share = fraction if of == CHANNELS else of_share(bare, fraction)
        return replace(tuned, weight_sparsity=share, sparsity_criterion=WEIGHT_METHODS[criterion])
    return replace(tuned, criterion=criterion, widths=widths or _left(bare, fraction, rounding, tuple(whole), of))


@cache
def _left(unpruned: Recipe, fraction: float, rounding: str, whole: tuple[str, ...], of: str) -> tuple[int, ...]:
    def narrowed(share: float) -> tuple[int, ...]:
        return _narrowed(unpruned, share, ROUNDINGS[rounding], whole)

    return narrowed(fraction) if of == CHANNELS else evenly(unpruned, fraction, narrowed)


def _narrowed(
    unpruned: Recipe, fraction: float, count: Callable[[int, float], int], whole: Collection[str]
) -> tuple[int, ...]:
    # What was pruned of a network whose package is gone can still be read, as long as no unit has to be found by name.
    network = network_of(unpruned) if whole else NETWORKS.find(unpruned.architecture)
    if network is None:
        return tuple(count(width, fraction) for width in unpruned.widths)
    units = zip(network.units, unpruned.widths, strict=True)
    return network.consistent([width if unit.name in whole else count(width, fraction) for unit, width in units])


def _rate(unpruned: Recipe) -> float:
    """A recipe's own, which leaves most of a trained network as it was; less for a network that takes less."""
    network = NETWORKS.find(unpruned.architecture)
    return min(unpruned.learning_rate, network.peak_rate) if network else unpruned.learning_rate
