"""Patience: when training is given up because even an optimistic end of it stays below the line."""

from collections.abc import Callable
from dataclasses import dataclass

# Told the share of the training that is done and the validation accuracy now; true where it is hopeless.
Hopeless = Callable[[float, float], bool]

# Of the wrong answers, at least this share stays to the end: just after the beginning, and just before the end. The
# most that any training of several epochs gained lies below it (tests/benchmarks/projection.py).
_STAYS_AT_BEGINNING, _STAYS_AT_END = 0.35, 1.0


def projected(share_done: float, accuracy: float) -> float:
    """The accuracy at the end, seen optimistically. The learning rate's last fall brings a leap, so not the last
    steps' trend but the most that ever came."""
    stays = _STAYS_AT_BEGINNING + (_STAYS_AT_END - _STAYS_AT_BEGINNING) * share_done
    return 1 - (1 - accuracy) * stays


@dataclass(frozen=True, slots=True)
class Line:
    """A rule of our own: a pruner that compares in the study's direction would stop the most accurate trials of a
    study that minimises."""

    least_accuracy: float

    def __call__(self, share_done: float, accuracy: float) -> bool:
        return projected(share_done, accuracy) < self.least_accuracy
