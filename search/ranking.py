"""Ranking: who leads, by the contest's rules; what is not comparable, dirty or below the line comes after."""

import math
from collections import Counter
from collections.abc import Iterable

from evaluators.measurement import Z95
from search.evaluation import Evaluation
from search.goal import Goal
from search.objectives import OBJECTIVES, Objective

# Figures closer than this, or than the interval of the best, count as equal.
CLOSE = 0.02
# The most trustworthy first; predicted figures are shown and never ranked.
_RANKED_PROVENANCE = ("measured", "estimated")


def feasible(evaluation: Evaluation, goal: Goal) -> bool:
    """On test once confirmed; before that on validation, with the margin."""
    if evaluation.confirmation:
        return evaluation.confirmation.test.share >= goal.minimum_accuracy
    return evaluation.validation.share >= goal.least_accuracy


def leading(evaluations: Iterable[Evaluation], goal: Goal) -> list[Evaluation]:
    """Those that may win, the winner first."""
    objective = OBJECTIVES[goal.objective]
    able = [
        evaluation
        for evaluation in evaluations
        if feasible(evaluation, goal)
        and not evaluation.gated
        and not evaluation.current.dirty
        and math.isfinite(objective.value(evaluation))
    ]
    if objective.needs_energy:
        able = _of_one_provenance(able)
    able.sort(key=objective.value, reverse=objective.maximise)
    if not objective.ties_by_accuracy:
        return able
    ordered = []
    while able:
        reach = tie(able[0], objective)
        group = [evaluation for evaluation in able if objective.value(evaluation) <= reach]
        ordered += sorted(group, key=lambda evaluation: (-evaluation.accuracy.share, objective.value(evaluation)))
        able = able[len(group) :]
    return ordered


def ranking(evaluations: Iterable[Evaluation], goal: Goal) -> list[Evaluation]:
    """All: those that may win, then the rest, by how far they are from the line."""
    everything = list(evaluations)
    front = leading(everything, goal)
    placed = {evaluation.recipe_id for evaluation in front}
    rest = [evaluation for evaluation in everything if evaluation.recipe_id not in placed]
    return front + sorted(rest, key=lambda evaluation: (not feasible(evaluation, goal), -evaluation.accuracy.share))


def probability(one: Evaluation, other: Evaluation, objective: Objective) -> float:
    """That the first one's figure is truly the better one, by the intervals of both."""
    apart = math.log(objective.value(one) / objective.value(other))
    doubt = math.hypot(_doubt(one, objective), _doubt(other, objective))
    ahead = apart if objective.maximise else -apart
    return 0.5 * (1 + math.erf(ahead / max(doubt, 1e-9) / math.sqrt(2)))


def _doubt(evaluation: Evaluation, objective: Objective) -> float:
    """Standard error of the figure's logarithm."""
    accuracy = evaluation.accuracy
    low, high = objective.interval(accuracy.share, evaluation.current)
    measured = math.log(high / low) / (2 * Z95) if low > 0 else math.inf
    # What is ranked by a figure without accuracy does not hang on it.
    return measured if objective.ties_by_accuracy else math.hypot(measured, accuracy.standard_error / accuracy.share)


def tie(best: Evaluation, objective: Objective) -> float:
    """Up to here a figure counts as equal to the best one."""
    value = objective.value(best)
    _, high = objective.interval(best.accuracy.share, best.current)
    return max(high, value * (1 + CLOSE))


def _of_one_provenance(evaluations: list[Evaluation]) -> list[Evaluation]:
    for kind in _RANKED_PROVENANCE:
        same = [evaluation for evaluation in evaluations if evaluation.current.energy_provenance.startswith(kind)]
        if same:
            # One kind may still be of two meters, or protocols: what most rows have.
            (usual, _), *_ = Counter(one.current.energy_provenance for one in same).most_common(1)
            return [one for one in same if one.current.energy_provenance == usual]
    return []
