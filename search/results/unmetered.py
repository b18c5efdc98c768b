"""Unmetered: who might lead if their energy were measured; as long as there are some, nobody has won."""

from typing import TYPE_CHECKING

from evaluators.provenance import Kind
from search.results.wording import accuracy, figure, number
from search.scoring.objectives import OBJECTIVES, Objective
from search.scoring.ranking import feasible, tie
from search.store.evaluation import Evaluation

if TYPE_CHECKING:
    from search.results.standings import Standings

# This many networks are named in a line of text; JSON has all of them.
_NAMED = 5


def contenders(standings: "Standings") -> list[Evaluation]:
    """The evaluations that hold the line with an energy that is not measured, and whose figure comes near the lead or
    beats it: the best-looking first. Where nobody leads yet, all of them."""
    objective = OBJECTIVES[standings.goal.objective]
    if not objective.needs_energy:
        return []
    waiting = [
        evaluation
        for evaluation in standings.ranked
        if _unmetered(evaluation, standings)
        and feasible(evaluation, standings.goal)
        and not evaluation.gated
        and not evaluation.current.dirty
    ]
    near = [evaluation for evaluation in waiting if _near(evaluation, standings.best, objective)]
    return sorted(near, key=objective.value, reverse=objective.maximise)


def unmetered_lines(standings: "Standings") -> list[str]:
    """Who was not metered, and what to do; nothing where everybody near the lead was."""
    rows = [standings.row(evaluation) for evaluation in contenders(standings)]
    if not rows:
        return []
    named = ", ".join(
        f"{row.recipe_id}: {figure(row, standings.goal.objective)}, {accuracy(row)}, {number(row.latency_ms)} ms"
        for row in rows[:_NAMED]
    )
    more = f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
    return [f"not metered yet, and may lead: {named}{more}; the same search with its --meter measures them first"]


def unmetered_ids(standings: "Standings") -> list[str]:
    return [evaluation.recipe_id for evaluation in contenders(standings)]


def _unmetered(evaluation: Evaluation, standings: "Standings") -> bool:
    """Estimated energies are ranked where nothing is measured."""
    kind = evaluation.current.energy_provenance.kind
    metered = standings.best is not None and standings.best.current.energy_provenance.kind is Kind.MEASURED
    return kind is Kind.PREDICTED or (metered and kind is Kind.ESTIMATED)


def _near(evaluation: Evaluation, best: Evaluation | None, objective: Objective) -> bool:
    # The import brings asyncio, which the reading commands do without.
    from search.scoring.lead import Lead

    near = Lead(objective, best, None, None).near(evaluation.accuracy.share, evaluation.current)
    if best is None or near or not objective.ties_by_accuracy:
        return near
    # Within the tie such a network would be ranked by its accuracy.
    return objective.value(evaluation) <= tie(best, objective)
