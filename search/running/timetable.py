"""Timetable: when trials would end, were their builders exact clocks: the order in which they are told, whatever really
finishes first. With one builder it is that in which they were asked for."""

from heapq import heapreplace

from search.choosing.time_left import cost
from space.recipe import Recipe

# Epochs of a small network on a GPU, which take about as long as writing its file and judging it; a guess, which costs
# time where it is wrong, and changes nothing else.
_BESIDE_EPOCHS = 5


class Timetable:
    """In units of training cost, from the beginning of the run: no clock is asked."""

    def __init__(self, builders: int) -> None:
        # When each builder is free; a heap.
        self._free = [0.0] * builders
        self._now = 0.0
        # When each network's weights are there.
        self._weights: dict[str, float] = {}

    def end_of(self, recipe: Recipe) -> float:
        """Of a trial that is asked for now, by the first builder that is free; weights are trained once."""
        begin = max(self._free[0], self._now)
        weights_id = recipe.weights_id
        if weights_id in self._weights:
            end = max(begin, self._weights[weights_id])
        else:
            end = begin + cost(recipe, recipe.epochs + recipe.aware_epochs + _BESIDE_EPOCHS)
            self._weights[weights_id] = end
        heapreplace(self._free, end)
        return end

    def told(self, end: float) -> None:
        self._now = max(self._now, end)
