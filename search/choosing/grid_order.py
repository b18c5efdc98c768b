"""Grid order: the points of a grid study's table, one after the other."""

from collections.abc import Container, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial

from search.choosing.sampler import Sampler, SpaceExhausted, distributions
from search.choosing.time_left import Pace, TimeLeft
from space.dimension import Dimension
from space.dimensions import points, recipe_of
from space.recipe import Recipe


class GridOrder(Sampler):
    """The points of a table one after the other; those whose recipe is known, from wherever, are passed over, and those
    that could not end in time.

    Optuna's GridSampler takes them at random, holds a failed trial's point for visited, and stops a study that is told
    its last point from outside `optimize` with a RuntimeError.
    """

    def __init__(self, table: Sequence[Dimension], known: Container[str], time_left: TimeLeft | None = None) -> None:
        self._table = tuple(table)
        self._space = distributions(table)
        self._known = known
        self._time_left = time_left or TimeLeft()

    def gives_up(self, recipe: Recipe) -> bool:
        """Never: its accuracy is part of the grid's table."""
        return False

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._space

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._next(self._time_left.pace_of(study))

    def look_ahead(self, pace: Pace) -> None:
        self._next(pace)

    def _next(self, pace: Pace) -> dict[str, Any]:
        too_long: list[Recipe] = []
        for values in points(self._table):
            recipe = recipe_of(values)
            if recipe.id not in self._known:
                if pace.fits(recipe):
                    return dict(values)
                too_long.append(recipe)
        if too_long:
            raise SpaceExhausted(pace.shortage(too_long))
        raise SpaceExhausted("every point of this grid is known; its file takes further fractions and epochs")
