"""First recipes: the network's own, as values of a study's table; they are asked for before any sampler is."""

from collections.abc import Sequence
from dataclasses import replace

from space.dimension import Choice, Dimension, Integer, Value
from space.dimensions import RUNTIME, near, network_in


def first_values(table: Sequence[Dimension], images: int | None = None) -> list[dict[str, Value]]:
    """Those whose shape the table has; what else it lacks is the first value that it has.

    On fewer training `images` than their epochs were chosen for, all are trained for more epochs by one factor, until
    the longest training is the longest of the table: fewer images make fewer steps of an epoch.
    """
    network = network_in(table)
    recipes = network.first_recipes
    longest = max((recipe.epochs for recipe in recipes), default=1)
    factor = max(1.0, min(network.tuned_on / (images or network.tuned_on), _most_epochs(table) / max(longest, 1)))
    longer = (replace(recipe, epochs=round(factor * recipe.epochs)) for recipe in recipes)
    candidates = [values for recipe in longer if (values := near(recipe, tuple(table))) is not None]
    runtimes = _runtimes(table)
    return [
        {**values, **runtime}
        for place, values in enumerate(candidates)
        for runtime in (runtimes if 2 * place < len(candidates) else runtimes[:1])
    ]


def _runtimes(table: Sequence[Dimension]) -> list[dict[str, Value]]:
    """Which network leads differs between runtimes, and one that is trained costs a second one its timing alone. The
    later half, the less likely to win, has one runtime: else a run of the default length would hold nothing else."""
    choices = (dimension.choices for dimension in table if isinstance(dimension, Choice) and dimension.name == RUNTIME)
    return [{RUNTIME: name} for name in next(choices, ())] or [{}]


def _most_epochs(table: Sequence[Dimension]) -> int:
    return max((dimension.high for dimension in table if isinstance(dimension, Integer) and dimension.name == "epochs"),
               default=0)  # fmt: skip
