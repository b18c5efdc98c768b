"""Scale: where an axis begins and ends, so that its ticks are round."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

# Figures further apart than this are told apart on a logarithmic axis only.
_LOG_FROM = 4.0


@dataclass(frozen=True, slots=True)
class Scale:
    low: float
    high: float
    step: float | None = None
    # The base of a logarithmic axis; None: it is linear.
    base: int | None = None
    number_format: str = "General"


def linear(values: Iterable[float], *, ticks: int = 6, least: float | None = None, most: float | None = None) -> Scale:
    """`least` and `most`: where the figure itself ends."""
    known = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(known), max(known)
    spread = (high - low) or abs(high) or 1.0
    step = _round_up(spread / (ticks - 1))
    low, high = math.floor((low - spread / 50) / step) * step, math.ceil((high + spread / 50) / step) * step
    if least is not None:
        low = max(low, least)
    if most is not None:
        high = min(high, most)
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    return Scale(low, high, step, number_format="0." + "0" * digits if digits else "#,##0")


def logarithmic(values: Iterable[float]) -> Scale:
    """Doubling from a round number on, or tenfold; linear where the figures are close."""
    known = [value for value in values if math.isfinite(value) and value > 0]
    if not known or max(known) < _LOG_FROM * min(known):
        return linear(known, least=0.0)
    if max(known) > 400 * min(known):
        low, high = 10.0 ** math.floor(math.log10(min(known))), 10.0 ** math.ceil(math.log10(max(known)))
        return Scale(low, high, base=10, number_format=_plain(low))
    low = _round_down(min(known) / 1.1)
    doublings = math.ceil(math.log2(max(known) * 1.1 / low))
    return Scale(low, low * 2.0**doublings, base=2, number_format=_plain(low))


def _plain(low: float) -> str:
    """Below 1 two significant digits of the lowest tick: LibreOffice puts ticks of base 2 at powers of 2."""
    return "#,##0" if low >= 1 else "0.0" + "#" * -math.floor(math.log10(low) + 1e-9)


def _round_down(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * digit for digit in (5, 2, 1) if power * digit <= value * (1 + 1e-9))


def _round_up(value: float) -> float:
    power = 10.0 ** math.floor(math.log10(value))
    return next(power * digit for digit in (1, 2, 5, 10) if power * digit >= value * (1 - 1e-9))
