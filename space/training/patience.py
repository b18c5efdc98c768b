"""Patience: when training is given up because even an optimistic end of it stays below the line."""

import math
from collections.abc import Callable
from dataclasses import dataclass

# A rule that is told the share of the training that is done and the best validation accuracy so far; true where it is
# hopeless.
Hopeless = Callable[[float, float], bool]

# While the learning rate rises, and just after, accuracy says nothing: 10 % after the first of five epochs became 55 %.
SETTLED = 0.25
# Wrong answers shrink to a power of their share: to this and one at the beginning, to 1 at the end. In no training seen
# was it more than 4.9 (tests/benchmarks/projection.py).
MOST_GAIN = 6.0
# Most of the gain comes before the learning rate has fallen.
FALL = 1.5


def projected(share_done: float, accuracy: float, most_gain: float = MOST_GAIN) -> float:
    """The accuracy at the end, seen optimistically, from the best so far. The learning rate's last fall brings a leap,
    so not the trend of the last epochs but more than ever came."""
    if share_done <= SETTLED:
        return 1.0
    return 1 - math.pow(1 - accuracy, 1 + most_gain * math.pow(1 - share_done, FALL))


@dataclass(frozen=True, slots=True)
class Line:
    """A rule of our own: a pruner that compares in the study's direction would stop the most accurate trials of a
    study that minimises."""

    least_accuracy: float
    # What an accuracy may still gain; more than any training of the search gained, where some have ended.
    most_gain: float = MOST_GAIN

    def projected(self, share_done: float, accuracy: float) -> float:
        return projected(share_done, accuracy, self.most_gain)

    def __call__(self, share_done: float, accuracy: float) -> bool:
        return self.projected(share_done, accuracy) < self.least_accuracy
