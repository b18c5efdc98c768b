"""Statistics of one process: the median of a series in time order, and its 95 % interval.

NumPy and SciPy are not asked: it is worked out while a model is timed, and a board has no SciPy.
"""

import math
from typing import Sequence, Tuple

# Two-sided 95 %: of the normal distribution, and Student's factors for 1, 2, ... degrees of freedom.
NORMAL_95 = 1.96
STUDENT_95 = (12.71, 4.30, 3.18, 2.78, 2.57, 2.45, 2.36, 2.31, 2.26, 2.23, 2.20, 2.18, 2.16, 2.14, 2.13)


def median(values: Sequence[float]) -> float:
    ordered = sorted(values)
    middle = len(ordered) // 2
    if len(ordered) % 2:
        return ordered[middle]
    return (ordered[middle - 1] + ordered[middle]) / 2


def student_95(degrees: float) -> float:
    """Student's two-sided 95 % factor."""
    if degrees < len(STUDENT_95) + 1:
        return STUDENT_95[int(degrees) - 1]
    return NORMAL_95 + 2.37 / degrees + 2.8 / degrees**2


def correlation_time(values: Sequence[float], centre: float) -> float:
    """How many neighbours say the same thing: 1 when each value is news, N when N in a row are above or below together.

    Of the signs about the centre, as that is all a median looks at: one burst, however high, counts as its length.
    """
    signs = [(value > centre) - (value < centre) for value in values]
    power = float(sum(sign * sign for sign in signs)) or 1.0
    count = len(signs)
    total = 1.0
    for lag in range(1, count // 2, 2):
        pair = 0.0
        for step in (lag, lag + 1):
            # 1 / count makes up for the centre being taken from the same values.
            pair += sum(a * b for a, b in zip(signs, signs[step:])) / power + 1.0 / count
        # Geyer's rule: correlations die out in pairs; the first pair that is not positive is noise, and so is the rest.
        if pair <= 0:
            break
        total += 2 * pair
    return total


def quantile(ordered: Sequence[float], share: float) -> float:
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (place - below)


def median_interval(values: Sequence[float]) -> Tuple[float, float, float]:
    """The median of a series in time order, and the ends of its 95 % interval."""
    centre = median(values)
    if len(values) < 2:
        return centre, 0.0, 2 * centre
    independent = len(values) / correlation_time(values, centre)
    factor = student_95(max(independent - 1, 1))
    reach = factor / 2 / math.sqrt(independent)
    if reach < 0.45:
        ordered = sorted(values)
        return centre, quantile(ordered, 0.5 - reach), quantile(ordered, 0.5 + reach)
    # Too few to have such quantiles: Student's interval, widened by what a median loses against a mean.
    mean = sum(values) / len(values)
    deviation = math.sqrt(sum((value - mean) ** 2 for value in values) / (len(values) - 1))
    half = factor * 1.25 * deviation / math.sqrt(max(independent, 1.0))
    return centre, max(centre - half, 0.0), centre + half
