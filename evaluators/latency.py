"""Latency of a model: from the samples of one or several processes to one figure and its 95 % interval."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from evaluators.confidence import NORMAL_95, student_95
from evaluators.device.program.statistics import median_interval

# Processes of one model differ from each other: where its memory lies, which core it got, how warm the board is.
# A process farther from the middle than this many of the usual distances met something else, and teaches nothing.
OUTLYING = 6.0
# The least share of processes that must remain: what one process in ten meets is the machine's way, no accident.
# With fewer than five no one can tell who is the odd one out.
KEPT_SHARE = 0.9
LEAST_TO_REJECT = 5


class TimedRuns(Protocol):
    """What one process saw, as far as latency goes."""

    @property
    def latencies_s(self) -> Sequence[float]: ...

    @property
    def block_starts(self) -> Sequence[int]: ...


@dataclass(frozen=True, slots=True)
class Spread:
    """How much processes of one model differ on a bench: a relative standard deviation, and what it rests on."""

    relative: float
    # Degrees of freedom: processes it was learned from, less one. Infinite: taken as known.
    degrees: float = math.inf

    @property
    def half_width(self) -> float:
        """Half of the 95 % interval of one more process, relative to the figure."""
        return self.relative * (NORMAL_95 if math.isinf(self.degrees) else student_95(self.degrees))


# Before the reference was timed: three runs each of two models in published logs of a Pi 3B+ lay 1.0 % and 1.9 %
# apart, which for three normal values is a standard deviation of 0.6 % and 1.1 %, with two degrees of freedom each.
USUAL_SPREAD = Spread(0.009, 4)
# What was learned with fewer degrees of freedom is only added to the usual.
LEAST_DEGREES = 2

# The figure of one process, and the ends of its 95 % interval.
Interval = tuple[float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Latency:
    """The latency of one inference: median of block medians, its 95 % interval, and the plain mean, as the contest
    defines it."""

    figure_s: float
    low_s: float
    high_s: float
    mean_s: float
    processes: int
    samples: int

    def scaled(self, factor: float) -> "Latency":
        return replace(
            self,
            figure_s=self.figure_s * factor,
            low_s=self.low_s * factor,
            high_s=self.high_s * factor,
            mean_s=self.mean_s * factor,
        )

    @property
    def relative_half_width(self) -> float:
        return (self.high_s - self.low_s) / 2 / self.figure_s


def latency(runs: Sequence[TimedRuns], spread: Spread = USUAL_SPREAD) -> Latency:
    """The figure of one model from its processes; `spread` is what the processes of other models taught.

    With several processes their own disagreement counts too: pooled with `spread`, by degrees of freedom.
    """
    if not runs:
        raise ValueError("latency of no process at all")
    intervals = [process_interval(run) for run in runs]
    figures = [figure for figure, _, _ in intervals]
    figure = statistics.median(figures)
    loss = _loss(len(runs))
    unlike = _pooled(spread, figures).half_width * figure
    below = math.hypot(_root_mean_square([f - low for f, low, _ in intervals]), unlike) * loss
    above = math.hypot(_root_mean_square([high - f for f, _, high in intervals]), unlike) * loss
    samples = sum(len(run.latencies_s) for run in runs)
    return Latency(
        figure_s=figure,
        low_s=max(figure - below, 0.0),
        high_s=figure + above,
        mean_s=math.fsum(math.fsum(run.latencies_s) for run in runs) / samples,
        processes=len(runs),
        samples=samples,
    )


def ratio_interval(pairs: Sequence[float], spread: Spread = USUAL_SPREAD) -> Interval:
    """The middle of ratios of processes that ran beside each other, and the ends of its 95 % interval.

    Each process of a pair differs from the next one of its model by `spread`, and the reference's is the mean of two:
    so a ratio's own spread is larger by the square root of 1.5, as far as the ratios do not show another.
    """
    figure = statistics.median(pairs)
    known = replace(spread, relative=spread.relative * math.sqrt(1.5))
    half = _pooled(known, pairs).half_width * _loss(len(pairs))
    return figure, figure * math.exp(-half), figure * math.exp(half)


def process_interval(run: TimedRuns) -> Interval:
    """The figure of one process and the ends of its 95 % interval: autocorrelation and bursts, not other processes."""
    return median_interval(block_medians(run))


def block_medians(run: TimedRuns) -> list[float]:
    ends = [*run.block_starts[1:], len(run.latencies_s)]
    return [statistics.median(run.latencies_s[start:end]) for start, end in zip(run.block_starts, ends, strict=True)]


def between(runs: Sequence[TimedRuns]) -> Spread:
    """How much figures of several processes of one model differ beyond what each one's own interval explains."""
    return spread_of([[process_interval(run) for run in runs]])


def spread_of(models: Sequence[Sequence[Interval]]) -> Spread:
    """How far figures lie from their own model's median, pooled over several processes each of several models.

    The median, not the mean: a machine with two speeds has its median in one of them, and the other is
    farther from that than a standard deviation tells.
    """
    inliers = [_without_outliers(processes) for processes in models]
    degrees = sum(len(processes) - 1 for processes in inliers if processes)
    if not degrees:
        return USUAL_SPREAD
    variance = math.fsum(_squares(processes) for processes in inliers if processes[1:]) / degrees
    # One process that met a burst is unsure of itself, and says nothing of how sure the others are.
    within = statistics.median(
        (high - low) / 2 / NORMAL_95 / figure for processes in inliers for figure, low, high in processes
    )
    # What is left may be nothing by luck alone, and both are estimates: on simulated latencies, half of the variance
    # within taken off covers 92 to 99 %, all of it as little as 88 %, and none of it makes intervals a quarter wider.
    own_spread = Spread(math.sqrt(max(variance - within**2 / 2, variance / 2)), degrees)
    return own_spread if degrees >= LEAST_DEGREES else _both(USUAL_SPREAD, own_spread)


def _squares(processes: Sequence[Interval]) -> float:
    """The squares of the relative distances from the median, added up."""
    centre = statistics.median(figure for figure, _, _ in processes)
    return math.fsum((figure / centre - 1) ** 2 for figure, _, _ in processes)


def _both(first: Spread, second: Spread) -> Spread:
    degrees = first.degrees + second.degrees
    variance = (first.degrees * first.relative**2 + second.degrees * second.relative**2) / degrees
    return Spread(math.sqrt(variance), degrees)


def _pooled(spread: Spread, figures: Sequence[float]) -> Spread:
    """The spread, pooled with what these processes show by themselves."""
    own = len(figures) - 1
    if own < 1 or math.isinf(spread.degrees):
        return spread
    variance = statistics.variance(figures) / statistics.median(figures) ** 2
    return _both(spread, Spread(math.sqrt(variance), own))


def _without_outliers(processes: Sequence[Interval]) -> list[Interval]:
    if len(processes) < LEAST_TO_REJECT:
        return list(processes)
    centre = statistics.median(figure for figure, _, _ in processes)
    ordered = sorted(processes, key=lambda process: abs(process[0] - centre))
    usual = statistics.median(abs(figure - centre) for figure, _, _ in processes) * 1.4826
    least = math.ceil(KEPT_SHARE * len(processes))
    return [
        process for rank, process in enumerate(ordered) if rank < least or abs(process[0] - centre) <= OUTLYING * usual
    ]


def _loss(processes: int) -> float:
    """The standard error of the median of so many normal values, in standard deviations."""
    return 1 / math.sqrt(processes) if processes < 3 else 1.2533 / math.sqrt(processes + 0.5)


def _root_mean_square(values: Sequence[float]) -> float:
    return math.sqrt(math.fsum(value * value for value in values) / len(values))
