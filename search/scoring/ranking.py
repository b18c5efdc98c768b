"""Ranking: who leads, by the contest's rules; what is not comparable, dirty or below the line comes after."""

import math
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Sequence

from evaluators.confidence import NORMAL_95
from evaluators.provenance import Kind, Provenance
from search.scoring.lead_probability import Estimate
from search.scoring.objectives import OBJECTIVES, Objective
from search.store.evaluation import Evaluation
from search.store.goal import Goal

# Figures closer than this, or than the interval of the best, count as equal.
CLOSE = 0.02
# Kinds of energy that are ranked, the most trustworthy first; predicted figures are shown and never ranked.
_RANKED_KINDS = (Kind.MEASURED, Kind.ESTIMATED)
# An evaluation with its objective's figure.
Valued = tuple[float, Evaluation]


def feasible(evaluation: Evaluation, goal: Goal) -> bool:
    """Whether the line is held: on test once confirmed; before that on validation, with the margin."""
    if evaluation.confirmation:
        return evaluation.confirmation.test.share >= goal.minimum_accuracy
    return evaluation.validation.share >= goal.least_accuracy


def leading(evaluations: Iterable[Evaluation], goal: Goal) -> list[Evaluation]:
    """The evaluations that may win, the winner first: once any is confirmed, confirmed ones alone, as search figures
    are picked for luck."""
    return confirmed_first(eligible(evaluations, goal))[0]


def eligible(evaluations: Iterable[Evaluation], goal: Goal) -> list[Evaluation]:
    """The evaluations that hold the line and can be compared, in the order of the contest: confirmed ones, then the
    others. A figure that is not confirmed settles no tie of confirmed ones."""
    objective = OBJECTIVES[goal.objective]
    able = [
        (value, evaluation)
        for evaluation in evaluations
        if feasible(evaluation, goal)
        and not evaluation.gated
        and not evaluation.current.dirty
        # A FoM is zero where no answer is right: no line at all lets that through.
        and 0 < (value := objective.value(evaluation)) < math.inf
    ]
    if objective.needs_energy:
        able = _of_one_provenance(able)
    confirmed = [pair for pair in able if pair[1].confirmed]
    others = [pair for pair in able if not pair[1].confirmed]
    return [*_ordered(confirmed, objective), *_ordered(others, objective)]


def ranking(evaluations: Iterable[Evaluation], goal: Goal) -> list[Evaluation]:
    """All: those that may win, those that wait to be confirmed, then the rest, by how far they are from the line."""
    everything = list(evaluations)
    return in_order(everything, *confirmed_first(eligible(everything, goal)), goal)


def in_order(
    everything: Sequence[Evaluation], front: Sequence[Evaluation], waiting: Sequence[Evaluation], goal: Goal
) -> list[Evaluation]:
    """`front` and `waiting`, then the rest."""
    placed = {evaluation.recipe_id for evaluation in (*front, *waiting)}
    rest = [evaluation for evaluation in everything if evaluation.recipe_id not in placed]
    rest.sort(key=lambda evaluation: (not feasible(evaluation, goal), -evaluation.accuracy.share))
    return [*front, *waiting, *rest]


def networks(evaluations: Iterable[Evaluation], objective: Objective) -> list[Evaluation]:
    """One evaluation for each network, at its best settings: confirmed ones before others, then by figure."""
    sign = -1.0 if objective.maximise else 1.0
    best: dict[str, Evaluation] = {}
    for evaluation in sorted(
        evaluations, key=lambda evaluation: (not evaluation.confirmed, sign * objective.value(evaluation))
    ):
        best.setdefault(evaluation.network_id, evaluation)
    return list(best.values())


def estimate(evaluation: Evaluation, objective: Objective) -> Estimate:
    """The logarithm of the objective's figure, the larger the better, with its standard error."""
    accuracy = evaluation.accuracy
    low, high = objective.interval(accuracy.share, evaluation.current)
    doubt = math.log(high / low) / (2 * NORMAL_95) if 0 < low < math.inf and high < math.inf else math.inf
    if not objective.ties_by_accuracy and not evaluation.confirmed:
        # A figure that contains the accuracy is as uncertain as that; the contest takes the test set's as it is.
        doubt = math.hypot(doubt, accuracy.standard_error / accuracy.share)
    figure = math.log(objective.value(evaluation))
    return Estimate(figure if objective.maximise else -figure, doubt)


def tie(best: Evaluation, objective: Objective) -> float:
    """Up to here a figure counts as equal to the best one. How well the reference is known does not matter: where that
    is bad, everybody would be equal, and the slowest the most accurate."""
    value = objective.value(best)
    _, high = objective.own_interval(best.accuracy.share, best.current)
    return max(high if high < math.inf else value, value * (1 + CLOSE))


def confirmed_first(able: list[Evaluation]) -> tuple[list[Evaluation], list[Evaluation]]:
    """The evaluations that may win, and those that have to be confirmed before they may."""
    confirmed = [evaluation for evaluation in able if evaluation.confirmed]
    if not confirmed:
        return able, []
    return confirmed, [evaluation for evaluation in able if not evaluation.confirmed]


def _ordered(able: Sequence[Valued], objective: Objective) -> list[Evaluation]:
    valued = sorted(able, key=lambda pair: pair[0], reverse=objective.maximise)
    if not objective.ties_by_accuracy:
        return [evaluation for _, evaluation in valued]
    ordered: list[Evaluation] = []
    while len(ordered) < len(valued):
        begin = len(ordered)
        end = bisect_right(valued, tie(valued[begin][1], objective), lo=begin, key=lambda pair: pair[0])
        group = sorted(valued[begin:end], key=lambda pair: (-pair[1].accuracy.share, pair[0]))
        ordered += [evaluation for _, evaluation in group]
    return ordered


def _of_one_provenance(able: Sequence[Valued]) -> list[Valued]:
    provenance = _ranked_provenance(evaluation.current.energy_provenance for _, evaluation in able)
    if provenance is None:
        return []
    return [pair for pair in able if pair[1].current.energy_provenance.is_comparable_with(provenance)]


def _ranked_provenance(provenances: Iterable[Provenance]) -> Provenance | None:
    """The provenance whose energies are ranked: of the most trustworthy kind, and of its sources (two meters, or two
    protocols) the one that most energies have."""
    numbers = Counter(provenances)
    for kind in _RANKED_KINDS:
        of_kind = Counter({provenance: count for provenance, count in numbers.items() if provenance.kind is kind})
        if of_kind:
            return of_kind.most_common(1)[0][0]
    return None
