"""The mean of readings, and how well it is known: noise of the meter, and changes of the load that it saw or missed."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from evaluators.confidence import NORMAL_95
from evaluators.power.recording import Sifted

# Readings are averaged in so many blocks: what outlasts a block is seen in how neighbouring blocks agree.
BLOCKS = 60
# The trend of a warming board is told from chance from so many values on.
LEAST_TREND = 10
# The share of the meter's noise that a reading inherits from the one before: 0.05 to 0.55 in published logs.
MOST_INHERITED = 0.55
# That share is uncertain by the first, and a little more, as told from 60 readings; by the second from hundreds.
INHERITED_DOUBT, INHERITED_DOUBT_OF_MANY = 0.25, 0.1
# Closer together than this, readings say the same thing.
ALIKE_S = 0.08
# With so many readings in that time, the noise of the meter can be told from what the load does.
LEAST_ALIKE = 4
# The median of the square of a normal value of variance 1, and what it is worth against the mean of squares.
MEDIAN_SQUARE = 0.4549
MEDIAN_WORTH = 0.37
# Blocks of so many times that differ by chance alone, or nearly.
MEMORIES = 2
# The median of few squares may be short by this factor.
SHARED = 1.2


@dataclass(frozen=True, slots=True)
class Mean:
    """The mean power, with the half of its 95 % interval."""

    watts: float
    half_w: float
    # The standard deviation of single readings.
    deviation_w: float


def mean_of(inside: Sequence[Sifted], period_s: float, resolution_w: float) -> Mean:
    watts = [reading.watts for reading in inside]
    deviation_w = statistics.pstdev(watts)
    chance_w = _chance(watts)
    alike = round(ALIKE_S / period_s)
    if alike >= LEAST_ALIKE and len(watts) >= LEAST_TREND * MEMORIES * alike:
        # The load's own changes are no error as far as they are seen, but the meter's noise is.
        share_seen = min(statistics.fmean(reading.reading.averaged_s for reading in inside) / period_s, 1.0)
        noise_w = min(_noise(watts, MEMORIES * alike), chance_w)
        chance_w = math.sqrt((1 - share_seen) * chance_w**2 + share_seen * noise_w**2)
    # Noise that reaches over more than one step blurs the steps away.
    steps_w = resolution_w / 2 if deviation_w < resolution_w / 2 else 0.0
    return Mean(statistics.fmean(watts), math.hypot(chance_w, steps_w), deviation_w)


def _chance(watts: Sequence[float]) -> float:
    """Half of the mean's 95 % interval, from how readings scatter about their trend.

    Neighbours inherit from each other, so they are worth fewer independent ones.
    """
    count = min(BLOCKS, len(watts))
    residuals = _without_trend(_block_means(watts, count))
    fitted = 2 if count >= LEAST_TREND else 1
    squares = math.fsum(value * value for value in residuals)
    degrees = max(count * _independence(residuals, squares, fitted) - fitted, 1.0)
    chance_w = student_95(degrees) * math.sqrt(squares / count / degrees)
    return min(chance_w, _most_chance(residuals))


def _most_chance(values: Sequence[float]) -> float:
    """The interval as values one and two steps apart show it: only the meter's noise is inherited, and so much at most.

    A load that rises once, in the middle of a minute, is no reason to know nothing. What changes between neighbours
    beyond their usual difference is the load's: regularly read, it is known at least as well as if it were chance.
    """
    one_apart, two_apart = _squares_apart(values, 1), _squares_apart(values, 2)
    near, inherited, noise = statistics.fmean(one_apart), MOST_INHERITED, statistics.fmean(one_apart)
    if len(values) >= LEAST_TREND and near > 0:
        # In a first-order autoregressive series the variance of differences two readings apart is that of neighbours
        # times 1 + the share that a reading inherits from the one before.
        inherited = min(max(statistics.fmean(two_apart) / near - 1, 0.0) + INHERITED_DOUBT, MOST_INHERITED)
        noise = min(SHARED * statistics.median(one_apart) / MEDIAN_SQUARE, near)
    variance = near - noise + noise * (1 + inherited) / (1 - inherited) ** 2
    return student_95(len(values) - 1) * math.sqrt(variance / len(values))


def _squares_apart(values: Sequence[float], steps: int) -> list[float]:
    """Half the squared differences: of independent values their mean is the variance."""
    return [(later - earlier) ** 2 / 2 for earlier, later in zip(values, values[steps:], strict=False)]


def _noise(watts: Sequence[float], alike: int) -> float:
    """The same of the meter's noise alone: by how much neighbouring blocks differ, most of them.

    A block outlasts the memory of the noise; a load that changes in between is the odd pair, which a median ignores.
    """
    means = _block_means(watts, len(watts) // alike)
    variance = statistics.median(_squares_apart(means, 1)) / MEDIAN_SQUARE
    shared = _shared(watts, len(watts) // len(means))
    return shared * student_95(MEDIAN_WORTH * len(means)) * math.sqrt(variance / len(means))


def _shared(watts: Sequence[float], length: int) -> float:
    """By how much less is known from blocks of this length than if they were independent: they still share a little.

    Of a first-order autoregressive series, neighbouring blocks correlate by inherited / (length x (1 - inherited^2)).
    A load that changes makes it look like more.
    """
    near, far = (statistics.fmean(_squares_apart(watts, steps)) for steps in (1, 2))
    correlation = max(far / near - 1, 0.0) if near > 0 else 0.0
    inherited = min(correlation + INHERITED_DOUBT_OF_MANY, 0.95)
    common = inherited / (length * (1 - inherited**2))
    return math.sqrt((1 + 2 * common) / (1 - common))


def _block_means(values: Sequence[float], count: int) -> list[float]:
    edges = [place * len(values) // count for place in range(count + 1)]
    return [statistics.fmean(values[begin:end]) for begin, end in pairwise(edges)]


def _without_trend(values: Sequence[float]) -> list[float]:
    """What their straight line leaves: a board that warms up takes more and more, and the mean knows it."""
    mean, middle = statistics.fmean(values), (len(values) - 1) / 2
    slope = 0.0
    if len(values) >= LEAST_TREND:
        weights = [place - middle for place in range(len(values))]
        slope = math.fsum(w * v for w, v in zip(weights, values, strict=True)) / math.fsum(w * w for w in weights)
    return [value - mean - slope * (place - middle) for place, value in enumerate(values)]


def _independence(residuals: Sequence[float], squares: float, fitted: int) -> float:
    """The share of values that are news, if each inherits from the one before: a first-order autoregressive series."""
    if squares == 0:
        return 1.0
    correlation = math.fsum(a * b for a, b in pairwise(residuals)) / squares
    # What was fitted takes some of it away (Kendall 1954; 1 + 3 x for the mean alone, twice that with the slope).
    inherited = correlation + fitted * (1 + 3 * correlation) / len(residuals)
    inherited = min(max(inherited, 0.0), 0.95)
    return (1 - inherited) / (1 + inherited)


def student_95(degrees: float) -> float:
    """Student's two-sided 95 % factor, by Fisher's expansion: 3 % short at two degrees of freedom, 24 % at one.

    Kept by hand: the widths of energy's intervals were settled with it, on simulated meters (tests/evaluators/power).
    """
    return NORMAL_95 + 2.372 / degrees + 2.822 / degrees**2 + 2.556 / degrees**3
