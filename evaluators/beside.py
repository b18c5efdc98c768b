"""Beside: a candidate's figures over those of the reference that was measured nearest in time, with their intervals."""

import math
from collections.abc import Sequence
from dataclasses import replace

from evaluators.latency import USUAL_SPREAD, Spread, ratio_interval
from evaluators.measurement import Figures

Interval = tuple[float, float]


def beside_reference(
    figures: Figures,
    reference: Figures,
    energy: Figures | None = None,
    pairs: Sequence[float] = (),
    spread: Spread = USUAL_SPREAD,
) -> Figures:
    """`pairs` are latencies of single processes over the reference's right before and after; `energy` holds another
    measurement of the reference, where its energy is known better."""
    energy = energy or reference
    if pairs:
        ratio, low, high = ratio_interval(pairs, spread)
    else:
        ratio = figures.latency_s / reference.latency_s
        low, high = _ratio_interval(
            ratio,
            (figures.latency_low_s / figures.latency_s, figures.latency_high_s / figures.latency_s),
            (reference.latency_low_s / reference.latency_s, reference.latency_high_s / reference.latency_s),
        )
    reference_energy_j = energy.energy_j
    if not _metered(figures):
        # Power x latency: it moves with the latency, the reference's as well as the candidate's.
        reference_energy_j *= figures.latency_s / ratio / energy.latency_s
    energy_ratio = figures.energy_j / reference_energy_j
    if _metered(figures):
        energy_low, energy_high = _ratio_interval(
            energy_ratio,
            (figures.energy_low_j / figures.energy_j, figures.energy_high_j / figures.energy_j),
            (energy.energy_low_j / energy.energy_j, energy.energy_high_j / energy.energy_j),
        )
    else:
        energy_low, energy_high = energy_ratio * low / ratio, energy_ratio * high / ratio
    return replace(
        figures,
        reference_latency_s=figures.latency_s / ratio,
        reference_energy_j=reference_energy_j,
        relative_latency_ci=(low, high),
        relative_energy_ci=(energy_low, energy_high),
        pairs=tuple(pairs),
    )


def _metered(figures: Figures) -> bool:
    return figures.energy_provenance.startswith("measured")


def _ratio_interval(ratio: float, above: Interval, below: Interval) -> Interval:
    """Of a ratio of independent figures, each given by the ends of its interval over itself: errors of logarithms add
    as squares."""
    if min(*above, *below) <= 0:
        # An interval that reaches zero says nothing of how small it may be.
        return 0.0, math.inf
    low = math.hypot(math.log(above[0]), math.log(below[1]))
    high = math.hypot(math.log(above[1]), math.log(below[0]))
    return ratio * math.exp(-low), ratio * math.exp(high)
