"""Timetable: when trials would end, were boards and builders exact clocks: the order in which they are told, whatever
is really done first. With one builder it is that in which they were asked for."""

from heapq import heapreplace

from search.choosing.time_left import cost
from space.recipe import Recipe

# Cost of an epoch of a network of half a million MACs.
_EPOCH = 1.6e6
# What timing a structure takes, and writing and judging a file, in such epochs on a GPU, where there are several
# builders: 5 s and 1 s beside 0.25 s. Where that is wrong trials are told later than they could be, and nothing else.
_TIMING, _JUDGING = 20 * _EPOCH, 4 * _EPOCH


class Timetable:
    """The timetable of a run, in units of training cost, from the beginning of the run: no clock is asked."""

    def __init__(self, builders: int, boards: int) -> None:
        # When each builder and each board is free; heaps.
        self._builders, self._boards = [0.0] * builders, [0.0] * boards
        self._now = 0.0
        # When each network's weights are there.
        self._weights: dict[str, float] = {}

    def end_of(self, recipe: Recipe, timed: bool) -> float:
        """The end of a trial that is asked for now, with the first board and builder that are free; `timed`: its
        structure is timed already. Weights are trained once."""
        begin = max(self._builders[0], self._now if timed else self._after_timing())
        weights_id = recipe.weights_id
        if weights_id in self._weights:
            end = max(begin, self._weights[weights_id])
        else:
            end = begin + cost(recipe, recipe.epochs)
            self._weights[weights_id] = end
        heapreplace(self._builders, end + _JUDGING)
        return end + _JUDGING

    def _after_timing(self) -> float:
        end = max(self._boards[0], self._now) + _TIMING
        heapreplace(self._boards, end)
        return end

    def told(self, end: float) -> None:
        self._now = max(self._now, end)
