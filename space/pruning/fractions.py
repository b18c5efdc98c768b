"""Fractions: uniform pruning, one fraction of every unit's channels, in counts and as a recipe; loads nothing heavy."""

import math

from space.recipe import Recipe


def kept(channels: int, fraction: float) -> int:
    """floor(c x (1 - fraction)), at least one."""
    # 1e-9: 10 x (1 - 0.9) is 0.9999999999999998 in binary.
    return max(1, math.floor(channels * (1 - fraction) + 1e-9))


def pruned(unpruned: Recipe, fraction: float, *, epochs: int, quantization: str, criterion: str) -> Recipe:
    """`unpruned` without that fraction of its channels; fraction 0 is that network as it is, trained no further."""
    if fraction == 0:
        return Recipe(
            architecture=unpruned.architecture,
            widths=unpruned.widths,
            halvings=unpruned.halvings,
            quantization=quantization,
        )
    return Recipe(
        architecture=unpruned.architecture,
        widths=tuple(kept(width, fraction) for width in unpruned.widths),
        halvings=unpruned.halvings,
        criterion=criterion,
        epochs=epochs,
        quantization=quantization,
    )
