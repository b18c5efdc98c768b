"""Unmetered: who might lead if their energy were measured; as long as there are some, nobody has won."""

from typing import TYPE_CHECKING

from evaluators.provenance import Kind
from search.results.wording import accuracy, figure, number
from search.scoring.objectives import OBJECTIVES, Objective
from search.scoring.ranking import feasible, tie
from search.store.evaluation import Evaluation

if TYPE_CHECKING:
    from search.results.standings import Standings

# Named in a line of text; JSON has all of them.
_NAMED = 5


def contenders(now: "Standings") -> list[Evaluation]:
    """Those that hold the line with an energy that is not measured, and whose figure comes near the lead or beats it:
    the best-looking first. Where nobody leads yet, all of them."""
    objective = OBJECTIVES[now.goal.objective]
    if not objective.needs_energy:
        return []
    waiting = [
        one
        for one in now.ranked
        if _unmetered(one, now) and feasible(one, now.goal) and not one.gated and not one.current.dirty
    ]
    near = [one for one in waiting if _near(one, now.best, objective)]
    return sorted(near, key=objective.value, reverse=objective.maximise)


def unmetered_lines(now: "Standings") -> list[str]:
    """Who was not metered, and what to do; nothing where everybody near the lead was."""
    rows = [now.row(one) for one in contenders(now)]
    if not rows:
        return []
    named = ", ".join(
        f"{row.recipe_id}: {figure(row, now.goal.objective)}, {accuracy(row)}, {number(row.latency_ms)} ms"
        for row in rows[:_NAMED]
    )
    more = f" and {len(rows) - _NAMED} more" if len(rows) > _NAMED else ""
    return [f"not metered yet, and may lead: {named}{more}; the same search with its --meter measures them first"]


def unmetered_ids(now: "Standings") -> list[str]:
    return [one.recipe_id for one in contenders(now)]


def _unmetered(evaluation: Evaluation, now: "Standings") -> bool:
    """Estimated energies are ranked where nothing is measured."""
    kind = evaluation.current.energy_provenance.kind
    metered = now.best is not None and now.best.current.energy_provenance.kind is Kind.MEASURED
    return kind is Kind.PREDICTED or (metered and kind is Kind.ESTIMATED)


def _near(evaluation: Evaluation, best: Evaluation | None, objective: Objective) -> bool:
    # Brings asyncio, which the reading commands do without.
    from search.scoring.lead import Lead

    near = Lead(objective, best, None, None).near(evaluation.accuracy.share, evaluation.current)
    if best is None or near or not objective.ties_by_accuracy:
        return near
    # Within the tie it would be ranked by its accuracy.
    return objective.value(evaluation) <= tie(best, objective)
