"""Situation: what one ask of the model sampler knows, and by how long a training it judges networks."""

import math
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product

from search.choosing.forecast import Forecaster
from search.choosing.time_left import Pace
from search.choosing.trial_notes import TrialNotes
from search.scoring.objectives import Objective
from space.dimension import Choice, Dimension, Value
from space.dimensions import RUNTIME
from space.recipe import Recipe

# The share of a run that goes to those that can still win. What is looked at before is judged by the longest training
# that ends within it: the leader needs one.
LAST = 1 / 3
# What the deployed file is, and how it is run: the same weights serve all of it.
_DEPLOYMENT = (RUNTIME, "quantization", "threads", "spinning")


@dataclass(frozen=True)
class Situation:
    table: tuple[Dimension, ...]
    objective: Objective
    # Ids of the recipes that are not asked for again.
    known: Container[str]
    # Epochs of the first training and of longer ones.
    rungs: tuple[int, ...]
    # Seconds of the whole run: infinite without a deadline.
    whole_s: float
    history: Sequence[TrialNotes]
    # The recipes that are on their way.
    pending: Sequence[Recipe]
    pace: Pace
    forecaster: Forecaster

    # Whether the part of the run has begun that goes to those that can still win.
    is_last: bool
    # The networks that are trained already and hold the line, and are not timed here: all that they take is a timing.
    ready: Sequence[dict[str, Value]] = ()

    @property
    def pace_of_looks(self) -> Pace:
        """What is looked at before the last part of the run ends before that begins."""
        if not self.pace.limited or self.is_last:
            return self.pace
        return replace(self.pace, left_s=self.pace.left_s - LAST * self.whole_s)

    def at_its_end(self) -> "Situation":
        """Nothing more ends before the last part of the run: it begins now."""
        return replace(self, is_last=True)

    def without_deadline(self) -> "Situation":
        return replace(self, pace=replace(self.pace, left_s=math.inf))

    def judged_epochs(self, recipe: Recipe, least: int) -> int:
        """The longest training that the last part of the run has room for, or one of `least` epochs, which a longer one
        tells itself."""
        return max(least, self._longest_of_last_part(recipe))

    def _longest_of_last_part(self, recipe: Recipe) -> int:
        if not self.pace.limited:
            return self.rungs[-1]
        room_s = min(LAST * self.whole_s, self.pace.left_s)
        within = [epochs for epochs in self.rungs if self.pace.training_s(recipe, epochs) <= room_s]
        return max(within, default=self.rungs[0])

    def deployments(self, values: Mapping[str, Value]) -> Iterator[dict[str, Value]]:
        """The same weights in every file and at every setting that the table has."""
        varying = [dimension for dimension in self.table if dimension.name in _DEPLOYMENT]
        for choice in product(*map(_choices, varying)):
            yield {**values, **dict(zip((dimension.name for dimension in varying), choice, strict=True))}


def _choices(dimension: Dimension) -> Sequence[Value]:
    return dimension.choices if isinstance(dimension, Choice) else range(dimension.low, dimension.high + 1)
