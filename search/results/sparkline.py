"""Sparkline: figures as a row of bars, between the lowest and the highest."""

from collections.abc import Sequence

BARS = "▁▂▃▄▅▆▇█"
# The bars span at least this share of the highest figure: the noise of what is steady is no mountain.
LEAST_SPAN = 0.05


def scale(values: Sequence[float | None]) -> tuple[float, float]:
    """What the lowest and the highest bar stand for."""
    known = [value for value in values if value is not None]
    low, high = min(known), max(known)
    return low, max(high, low + LEAST_SPAN * high) or 1.0


def sparkline(values: Sequence[float | None]) -> str:
    """None is a gap."""
    low, high = scale(values)
    steps = (len(BARS) - 1) / (high - low)
    return "".join(" " if value is None else BARS[round((value - low) * steps)] for value in values)
