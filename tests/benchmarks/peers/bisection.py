"""Bisection: the smallest share of a network that holds the line, closed in on by equal ratios."""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Attempt:
    # The share of the unpruned network.
    share: float
    holds: bool


def next_share(attempts: Sequence[Attempt], low: float, high: float) -> float:
    """The middle between the smallest share that held the line and the largest below it that did not; `low` and `high`
    stand in for what has not been tried. Accuracy is noisy: what fell above a share that held is not looked at
    again."""
    above = min((attempt.share for attempt in attempts if attempt.holds), default=high)
    below = max((attempt.share for attempt in attempts if not attempt.holds and attempt.share < above), default=low)
    return math.sqrt(below * above)
