"""First recipes: the network's own, as values of a study's table; they are asked for before any sampler is."""

from collections.abc import Sequence

from space.dimensions import LADDER, Dimension, Value, near
from space.networks.mobilenet_v1.first_recipes import first_recipes


def first_values(table: Sequence[Dimension]) -> list[dict[str, Value]]:
    """Those whose shape the table has; what else it lacks is the first value that it has."""
    candidates = (near(recipe, tuple(table)) for recipe in first_recipes(LADDER))
    return [values for values in candidates if values is not None]
