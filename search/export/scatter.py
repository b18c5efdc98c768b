"""Scatter: accuracy against a contest's figure: which networks, who is on the front, who wins, who stands apart.

Every picture draws one: the figure for paper, the page's script, the slides' charts.
"""

import math
from dataclasses import dataclass, replace

from evaluators.provenance import Provenance
from search.results.front import front
from search.results.rows import Row
from search.results.standings import Standings
from search.results.wording import number
from search.scoring.objectives import OBJECTIVES, Objective
from search.scoring.ranking import leading
from search.store.evaluation import Evaluation

BASELINE, FRONT, DOMINATED, APART = "baseline", "front", "dominated", "apart"


@dataclass(frozen=True, slots=True)
class Point:
    row: Row
    # The network's figure along the axis, with a 95 % interval.
    value: float
    interval: tuple[float, float]
    role: str
    # No other network is as good and more accurate; the baseline may be among these.
    on_front: bool
    # Why it stands apart, in words.
    why: str
    # Names of the objectives that it wins.
    wins: tuple[str, ...]

    @property
    def share(self) -> float:
        return self.row.accuracy

    @property
    def share_interval(self) -> tuple[float, float]:
        return self.row.accuracy_ci

    @property
    def confirmed(self) -> bool:
        return self.row.stage == "confirm"


@dataclass(frozen=True, slots=True)
class Scatter:
    """Accuracy along the objective's figure, on a logarithmic scale."""

    objective: Objective
    # The points stand in the order of the ranking, the baseline's last.
    points: tuple[Point, ...]
    # The energies that are compared; None where energy is no part of it.
    provenance: Provenance | None

    @property
    def front(self) -> list[Point]:
        """The points of the front, from one end of the axis to the other."""
        return sorted((point for point in self.points if point.on_front), key=lambda point: point.value)


def label(point: Point, objective: Objective) -> str:
    """What a winner, or the baseline, is called in a picture."""
    wins = [OBJECTIVES[name].label for name in point.wins]
    title = f"best {', '.join(wins)}" if wins else "baseline"
    rests_on = f" ({point.row.energy_provenance.kind})" if objective.needs_energy else ""
    return f"{title}: {objective.spoken.format(number(point.value))}{rests_on}, {100 * point.share:.2f} %"


def winners(standings: Standings) -> dict[str, str]:
    """Recipe ids by objective: who would win each contest under this study's line."""
    ranked = {name: leading(standings.ranked, replace(standings.goal, objective=name)) for name in OBJECTIVES}
    return {name: evaluations[0].recipe_id for name, evaluations in ranked.items() if evaluations}


def wins_by_recipe(standings: Standings) -> dict[str, tuple[str, ...]]:
    """Names of the objectives that each winning recipe wins."""
    wins: dict[str, tuple[str, ...]] = {}
    for name, recipe_id in winners(standings).items():
        wins[recipe_id] = (*wins.get(recipe_id, ()), name)
    return wins


def scatter(standings: Standings, objective: Objective) -> Scatter:
    provenance = _provenance(standings) if objective.needs_energy else None
    wins = wins_by_recipe(standings)
    rows = [(evaluation, standings.row(evaluation)) for evaluation in (*standings.ranked, standings.baseline)]
    # A logarithmic scale has no place for other figures.
    drawn = [(evaluation, row) for evaluation, row in rows if 0 < objective.shown(row) < math.inf]
    reasons = {row.recipe_id: _apart(row, evaluation, provenance) for evaluation, row in drawn}
    on_front = {row.recipe_id for row in front((row for _, row in drawn if not reasons[row.recipe_id]), objective)}
    return Scatter(
        objective,
        tuple(
            Point(
                row,
                objective.shown(row),
                objective.shown_interval(row),
                _role(row, evaluation is standings.baseline, reasons[row.recipe_id], on_front),
                row.recipe_id in on_front,
                reasons[row.recipe_id],
                wins.get(row.recipe_id, ()),
            )
            for evaluation, row in drawn
        ),
        provenance,
    )


def _role(row: Row, is_baseline: bool, why_apart: str, on_front: set[str]) -> str:
    if is_baseline:
        return BASELINE
    if why_apart:
        return APART
    return FRONT if row.recipe_id in on_front else DOMINATED


def _apart(row: Row, evaluation: Evaluation, provenance: Provenance | None) -> str:
    if row.gated:
        return "dropped on its latency alone"
    if row.dirty:
        return "dirty: " + ", ".join(evaluation.current.dirty)
    if provenance is not None and not row.energy_provenance.is_comparable_with(provenance):
        return f"its energy is {row.energy_provenance}"
    return ""


def _provenance(standings: Standings) -> Provenance:
    """The provenance of the energy contest's winner; where nobody wins, that of the baseline."""
    energy = leading(standings.ranked, replace(standings.goal, objective="energy"))
    return (energy[0] if energy else standings.baseline).current.energy_provenance
