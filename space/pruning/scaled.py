"""Scaled: widths that the scales of a trained network leave, by criterion and sparsity; as text, in one line."""

from collections.abc import Mapping
from functools import cache

Scaled = Mapping[tuple[str, float], tuple[int, ...]]


def scaled_text(scaled: Scaled) -> str:
    """slimming 0.4 32 16 96; slimming 0.5 30 12 90."""
    parts = (
        f"{criterion} {fraction!r} {' '.join(map(str, widths))}" for (criterion, fraction), widths in scaled.items()
    )
    return "; ".join(sorted(parts))


@cache
def scaled_widths(text: str) -> dict[tuple[str, float], tuple[int, ...]]:
    """ValueError for what is no such text."""
    widths_of = {}
    for part in filter(None, text.split("; ")):
        criterion, fraction, *widths = part.split(" ")
        widths_of[criterion, float(fraction)] = tuple(map(int, widths))
    return widths_of
