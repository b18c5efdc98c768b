"""Beside: a candidate's figures over those of the reference that was measured nearest in time, with their intervals."""

import math
from collections.abc import Sequence
from dataclasses import replace

from evaluators.latency import Spread, ratio_interval
from evaluators.measurement import Figures
from evaluators.provenance import Kind

Interval = tuple[float, float]


def beside_reference(
    figures: Figures, reference: Figures, ratio: float | None = None, reference_energy_j: float | None = None
) -> Figures:
    """`reference` tells how well it is known; `ratio` and `reference_energy_j` what it took beside each process, where
    that is known."""
    ratio = ratio or figures.latency_s / reference.latency_s
    interval = _ratio_interval(
        ratio, _relative(figures.latency_low_s, figures.latency_s, figures.latency_high_s),
        _relative(reference.latency_low_s, reference.latency_s, reference.latency_high_s),
    )  # fmt: skip
    return _over(figures, reference, ratio, interval, reference_energy_j or reference.energy_j)


def beside_pairs(figures: Figures, energy: Figures, pairs: Sequence[float], spread: Spread) -> Figures:
    """`pairs` are latencies of single processes over the reference's right before and after; `energy` is the reference
    as its energy is known best."""
    ratio, low, high = ratio_interval(pairs, spread)
    # Power x latency moves with the latency, the reference's as well as the candidate's.
    moved = 1.0 if _metered(figures) else figures.latency_s / ratio / energy.latency_s
    over = _over(figures, energy, ratio, (low, high), energy.energy_j * moved)
    return replace(over, pairs=tuple(pairs))


def _over(figures: Figures, energy: Figures, ratio: float, interval: Interval, reference_energy_j: float) -> Figures:
    energy_ratio = figures.energy_j / reference_energy_j
    if _metered(figures):
        energy_interval = _ratio_interval(
            energy_ratio, _relative(figures.energy_low_j, figures.energy_j, figures.energy_high_j),
            _relative(energy.energy_low_j, energy.energy_j, energy.energy_high_j),
        )  # fmt: skip
    else:
        # Energy that no meter read is as uncertain as the latency that it is worked out from.
        energy_interval = energy_ratio * interval[0] / ratio, energy_ratio * interval[1] / ratio
    return replace(
        figures,
        reference_latency_s=figures.latency_s / ratio,
        reference_energy_j=reference_energy_j,
        relative_latency_ci=interval,
        relative_energy_ci=energy_interval,
    )


def _metered(figures: Figures) -> bool:
    return figures.energy_provenance.kind is Kind.MEASURED


def _relative(low: float, value: float, high: float) -> Interval:
    return low / value, high / value


def _ratio_interval(ratio: float, above: Interval, below: Interval) -> Interval:
    """The ends of a ratio of independent figures, each given by the ends of its interval over itself: errors of
    logarithms add as squares."""
    if min(*above, *below) <= 0:
        # An interval that reaches zero says nothing of how small it may be.
        return 0.0, math.inf
    low = math.hypot(math.log(above[0]), math.log(below[1]))
    high = math.hypot(math.log(above[1]), math.log(below[0]))
    return ratio * math.exp(-low), ratio * math.exp(high)
