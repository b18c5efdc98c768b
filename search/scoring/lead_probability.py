"""Lead probability: what noisy figures say of who is truly best, without the luck for which a leading one was picked.

A hierarchical model. The true figures of networks lie about a common centre; how far, nobody knows beforehand, so a
few hypotheses are weighed by the figures themselves: all are equal; all differ by some spread; or nearly all are equal
and a few stand apart. Plain Python throughout: `rank` reads it, and must not wait for NumPy to load.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

# Behind the lead by more than so many standard errors of the difference, a network is no contender.
_REACH = 6.0
# At most so many contenders are kept, the best by figure, so that the work stays within a tenth of a second.
_MOST_CONTENDERS = 40
# Standard errors are taken as within this range of a typical one, so that one grid resolves them all.
_LEAST_ERROR, _LARGEST_ERROR = 0.2, 8.0
# Steps in which the common centre and the figure of the best one are integrated.
_CENTRES, _STEPS = 15, 40
# Terms below this share of the largest are left out; with the steps above that changes a probability by under 0.01.
_NEGLIGIBLE = 1e-2


@dataclass(frozen=True, slots=True)
class Estimate:
    """The natural logarithm of a figure, the larger the better, and its standard error."""

    log_figure: float
    standard_error: float


class _Hypothesis(NamedTuple):
    """How far true figures lie about their centre, in typical standard errors; a share of them stands apart."""

    weight: float
    spread: float
    apart: float = 0.0
    spread_apart: float = 1.0


# Closer than this, in standard errors, is equal to within what matters.
_EQUAL = 0.1


@cache
def _hypotheses() -> tuple[_Hypothesis, ...]:
    """Half of the weight lies on equality, as nothing is known beforehand; the rest is spread evenly: over networks
    that all differ, and over those of which one in 20, 10 or 5 stands apart; each scale in steps of a factor of two."""
    different = (0.5, 1.0, 2.0, 4.0, 8.0)
    apart = [(share, spread) for share in (0.05, 0.1, 0.2) for spread in (4.0, 8.0, 16.0)]
    return (
        _Hypothesis(0.5, _EQUAL),
        *(_Hypothesis(0.25 / len(different), spread) for spread in different),
        *(_Hypothesis(0.25 / len(apart), _EQUAL, share, spread) for share, spread in apart),
    )


def best_probabilities(estimates: Sequence[Estimate]) -> tuple[float, ...]:
    """For each, the probability that it is truly the best of all."""
    probabilities = [0.0] * len(estimates)
    places = _contenders(estimates)
    if not places:
        return tuple(probabilities)
    figures, errors, _, _ = _standardised([estimates[place] for place in places])
    chances = [0.0] * len(places)
    for weight, parts in _terms(figures, errors):
        for place, chance in enumerate(_best(parts, figures, errors)):
            chances[place] += weight * chance
    whole = math.fsum(chances)
    for place, chance in zip(places, chances, strict=True):
        probabilities[place] = chance / whole
    return tuple(probabilities)


def shrunk(estimates: Sequence[Estimate]) -> tuple[Estimate, ...]:
    """Posterior mean and standard deviation of each; those out of reach of the lead stay as they are."""
    posteriors = list(estimates)
    places = _contenders(estimates)
    if not places:
        return tuple(posteriors)
    figures, errors, lead, unit = _standardised([estimates[place] for place in places])
    terms = list(_terms(figures, errors))
    whole = math.fsum(weight for weight, _ in terms)
    for index, place in enumerate(places):
        parts = [(weight * part.share / whole, part) for weight, columns in terms for part in columns[index]]
        mean = math.fsum(share * part.mean for share, part in parts)
        variance = math.fsum(share * (part.mean**2 + part.deviation**2) for share, part in parts) - mean**2
        posteriors[place] = Estimate(lead + unit * mean, unit * math.sqrt(max(variance, 0.0)))
    return tuple(posteriors)


def chances_to_beat_confirmed(unconfirmed: Sequence[Estimate], confirmed: Sequence[Estimate]) -> tuple[float, ...]:
    """For each unconfirmed network, the probability that it is truly better than the best confirmed one.

    The figures of the search are shrunk among all, as its leaders were picked for luck.
    """
    if not confirmed:
        return (1.0,) * len(unconfirmed)
    pooled = shrunk([*confirmed, *unconfirmed])
    best = max(pooled[: len(confirmed)], key=lambda estimate: estimate.log_figure)
    return tuple(_chance_to_beat(challenger, best) for challenger in pooled[len(confirmed) :])


def _chance_to_beat(challenger: Estimate, best: Estimate) -> float:
    doubt = math.hypot(challenger.standard_error, best.standard_error)
    ahead = challenger.log_figure - best.log_figure
    if doubt == 0 or math.isinf(doubt):
        return 0.5 if doubt or not ahead else float(ahead > 0)
    return _normal_share(ahead / doubt)


def within_reach(estimates: Sequence[Estimate]) -> list[int]:
    """Places of those that are not plainly behind the leading figure."""
    if not estimates:
        return []
    lead = max(estimates, key=lambda estimate: estimate.log_figure)
    return [
        place
        for place, estimate in enumerate(estimates)
        if lead.log_figure - estimate.log_figure
        <= _REACH * math.hypot(max(estimate.standard_error, 1e-6), lead.standard_error)
    ]


def _contenders(estimates: Sequence[Estimate]) -> list[int]:
    return sorted(within_reach(estimates), key=lambda place: -estimates[place].log_figure)[:_MOST_CONTENDERS]


def _standardised(estimates: Sequence[Estimate]) -> tuple[list[float], list[float], float, float]:
    """Figures from the leading one and their errors, in typical errors; the leading figure, and that unit."""
    known = sorted(estimate.standard_error for estimate in estimates if 0 < estimate.standard_error < math.inf)
    unit = known[len(known) // 2] if known else 1e-6
    lead = max(estimate.log_figure for estimate in estimates)
    figures = [(estimate.log_figure - lead) / unit for estimate in estimates]
    errors = [min(max(estimate.standard_error / unit, _LEAST_ERROR), _LARGEST_ERROR) for estimate in estimates]
    return figures, errors, lead, unit


class _Part(NamedTuple):
    """A normal distribution of a network's true figure, and the share of the posterior that it is."""

    share: float
    mean: float
    deviation: float


def _terms(figures: Sequence[float], errors: Sequence[float]) -> Iterator[tuple[float, list[list[_Part]]]]:
    """Each hypothesis with each centre: its weight, and what it says of each network. Those that count."""
    low, high = min(figures), max(figures)
    # A single network, or equal figures, still have a centre that is not known.
    margin = max(0.5, 0.1 * (high - low))
    step = (high - low + 2 * margin) / (_CENTRES - 1)
    weighed = []
    for hypothesis in _hypotheses():
        for place in range(_CENTRES):
            centre = low - margin + step * place
            density = _log_density(hypothesis, centre, figures, errors)
            weighed.append((math.log(hypothesis.weight) + density, hypothesis, centre))
    most = max(weight for weight, _, _ in weighed)
    for weight, hypothesis, centre in weighed:
        if weight > most + math.log(_NEGLIGIBLE):
            parts = [_parts(hypothesis, centre, *network) for network in zip(figures, errors, strict=True)]
            yield math.exp(weight - most), parts


def _log_density(hypothesis: _Hypothesis, centre: float, figures: Sequence[float], errors: Sequence[float]) -> float:
    whole, scales = 0.0, tuple(_scales(hypothesis))
    for figure, error in zip(figures, errors, strict=True):
        density = 0.0
        for share, spread in scales:
            variance = error**2 + spread**2
            density += share * math.exp(-0.5 * (figure - centre) ** 2 / variance) / math.sqrt(variance)
        whole += math.log(max(density, 1e-300))
    return whole


def _scales(hypothesis: _Hypothesis) -> Iterator[tuple[float, float]]:
    yield 1 - hypothesis.apart, hypothesis.spread
    if hypothesis.apart:
        yield hypothesis.apart, hypothesis.spread_apart


def _parts(hypothesis: _Hypothesis, centre: float, figure: float, error: float) -> list[_Part]:
    parts = []
    for share, spread in _scales(hypothesis):
        variance = error**2 + spread**2
        density = share * math.exp(-0.5 * (figure - centre) ** 2 / variance) / math.sqrt(variance)
        mean = centre + spread**2 / variance * (figure - centre)
        parts.append(_Part(max(density, 1e-300), mean, spread * error / math.sqrt(variance)))
    whole = sum(part.share for part in parts)
    return [part._replace(share=part.share / whole) for part in parts]


def _best(networks: Sequence[Sequence[_Part]], figures: Sequence[float], errors: Sequence[float]) -> list[float]:
    """For each network the probability that its true figure is the largest, the true figures being independent."""
    ends = [(part.mean - 4 * part.deviation, part.mean + 4 * part.deviation)
            for parts in networks for part in parts if part.share > _NEGLIGIBLE]  # fmt: skip
    # Below the lowest end of the one that reaches highest, nobody is the best.
    low = max(min(part.mean - 4 * part.deviation for part in parts if part.share > _NEGLIGIBLE) for parts in networks)
    high = max(end for _, end in ends)
    grid = [low + (high - low) * step / _STEPS for step in range(_STEPS + 1)]
    # The normal distribution is written out here, as most of the time that a ranking takes goes into this loop.
    halves = [[(part.share / 2, part.mean, part.deviation) for part in parts] for parts in networks]
    erfc, root = math.erfc, math.sqrt(2)
    shares = [
        [sum([half * erfc((mean - point) / deviation / root) for half, mean, deviation in parts]) for point in grid]
        for parts in halves
    ]
    chances = [0.0] * len(networks)
    for step in range(_STEPS):
        middles = [0.5 * (column[step] + column[step + 1]) for column in shares]
        if min(middles) <= 0:
            continue
        all_below = math.prod(middles)
        for place, column in enumerate(shares):
            chances[place] += (column[step + 1] - column[step]) * all_below / middles[place]
    whole = math.fsum(chances) or 1.0
    return [chance / whole for chance in chances]


def _normal_share(deviations: float) -> float:
    """The share of a normal distribution below so many standard deviations."""
    return 0.5 * math.erfc(-deviations / math.sqrt(2))
