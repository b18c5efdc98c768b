"""Interval figure: a value with its 95 % interval, and what quotients and means of such values are known to."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Figure:
    """A value with its 95 % interval."""

    value: float
    ends: Interval

    @property
    def half(self) -> float:
        return (self.ends[1] - self.ends[0]) / 2

    def over(self, other: "Figure") -> "Figure":
        """Their quotient; relative errors add as squares."""
        value = self.value / other.value if other.value else math.inf
        if not (self.value and math.isfinite(value)):
            return Figure(value, (0.0, math.inf))
        below = math.hypot(1 - self.ends[0] / self.value, other.ends[1] / other.value - 1)
        above = math.hypot(self.ends[1] / self.value - 1, 1 - other.ends[0] / other.value)
        return Figure(value, (value * max(0.0, 1 - below), value * (1 + above)))

    def times(self, factor: float) -> "Figure":
        return Figure(self.value * factor, (self.ends[0] * factor, self.ends[1] * factor))


def mean(figures: Sequence[Figure]) -> Figure:
    """Errors of independent measurements add as squares; how the values themselves differ is no error."""
    count = len(figures)
    value = math.fsum(figure.value for figure in figures) / count
    below = math.hypot(*(figure.value - figure.ends[0] for figure in figures)) / count
    above = math.hypot(*(figure.ends[1] - figure.value for figure in figures)) / count
    return Figure(value, (value - below, value + above))


def weighted(figures: Sequence[Figure]) -> Figure:
    """Their mean, each by the inverse square of its interval, so that the one that is known worst does not decide; what
    has no bounds says nothing. For figures that would be one if all were known exactly."""
    known = [figure for figure in figures if 0 < figure.half < math.inf]
    if not known:
        return mean(figures)
    weights = [figure.half**-2 for figure in known]
    value = math.fsum(weight * figure.value for weight, figure in zip(weights, known, strict=True)) / math.fsum(weights)
    half = math.fsum(weights) ** -0.5
    return Figure(value, (value - half, value + half))
