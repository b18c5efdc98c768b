"""Pruned fractions: how much of a network a recipe prunes, as the course counts it."""

import math

from search.results.rows import Row
from space.networks.choose import unpruned_widths
from space.recipe import Recipe


def kept_shares(recipe: Recipe) -> tuple[float, ...]:
    """The share of each unit's channels that is kept; empty for a network that is not known here."""
    widths = unpruned_widths(recipe.architecture)
    return tuple(channels / width for channels, width in zip(recipe.widths, widths, strict=False))


def mean_fraction(recipe: Recipe) -> float | None:
    """1 - mean kept share over the units."""
    shares = kept_shares(recipe)
    return 1 - math.fsum(shares) / len(shares) if shares else None


def uniform_fraction(recipe: Recipe) -> float | None:
    """The one fraction f by which every unit keeps floor(channels x (1 - f)), at least one; None where none does.

    Widths are whole numbers, so several may do: it is the roundest of these.
    """
    above, most = 0.0, 1.0
    widths = unpruned_widths(recipe.architecture)
    for channels, width in zip(recipe.widths, widths, strict=False):
        if not 0 < channels <= width:
            return None
        above = max(above, 1 - (channels + 1) / width)
        if channels > 1:
            most = min(most, 1 - channels / width)
    if not widths or above > most:
        return None
    for digits in range(1, 5):
        fraction = math.floor(most * 10.0**digits + 1e-9) / 10.0**digits
        if fraction > above or fraction == most == 0:
            return fraction
    return None


def fraction_of(row: Row) -> float | None:
    """What a grid pruned by, some units or all; of a network that is in none, what its widths show."""
    return uniform_fraction(row.recipe) if row.point is None else row.point.fraction


def fraction_text(recipe: Recipe, of_grid: float | None = None) -> str:
    """0.50; where the units differ between what they lie, and their mean. `of_grid`: the fraction that a grid gives."""
    uniform = uniform_fraction(recipe) if of_grid is None else of_grid
    if uniform is not None:
        return f"{uniform:.3g}" if round(uniform, 2) != uniform else f"{uniform:.2f}"
    shares = kept_shares(recipe)
    if not shares:
        return "-"
    return f"{1 - max(shares):.2f} to {1 - min(shares):.2f}, mean {mean_fraction(recipe):.2f}"
