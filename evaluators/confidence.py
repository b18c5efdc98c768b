"""Confidence: factors of two-sided 95 % intervals, from SciPy; a board, which has none, keeps a table of its own."""

import functools

# The normal distribution's: 95 % lie within so many standard deviations.
NORMAL_95 = 1.959964


@functools.cache
def student_95(degrees: float) -> float:
    """Student's factor of a two-sided 95 % interval."""
    # SciPy is loaded by whoever measures, not by commands that only read.
    from scipy.special import stdtrit

    return float(stdtrit(degrees, 0.975))
