"""Scatter: accuracy against a cost, as every picture shows it: who is on the front, who wins, who stands apart."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from evaluators.provenance import Provenance
from search.results.front import front
from search.results.rows import Row
from search.results.standings import Standings
from search.results.wording import number
from search.scoring.objectives import OBJECTIVES, fom
from search.scoring.ranking import leading
from search.store.evaluation import Evaluation


@dataclass(frozen=True, slots=True, kw_only=True)
class Axis:
    """What accuracy is drawn against, always on a logarithmic scale."""

    name: str
    title: str
    unit: str
    value: Callable[[Row], float]
    interval: Callable[[Row], tuple[float, float]]
    # Whose energies are not of one provenance cannot be compared along it.
    needs_energy: bool = True

    def spoken(self, row: Row) -> str:
        """A figure with its interval, as half of the interval's width."""
        low, high = self.interval(row)
        value = self.value(row)
        return f"{number(value)} {self.unit}".strip() + (f" ±{50 * (high - low) / value:.1f} %" if value > 0 else "")


def _fom_interval(row: Row) -> tuple[float, float]:
    share = row.accuracy
    (fast, slow), (low, high) = row.latency_ci_ms, row.energy_ci_mj
    return fom(share, slow / 1e3, high / 1e3), fom(share, fast / 1e3, low / 1e3)


AXES = {
    axis.name: axis
    for axis in (
        Axis(
            name="latency",
            title="latency per image, ms",
            unit="ms",
            value=lambda row: row.latency_ms,
            interval=lambda row: row.latency_ci_ms,
            needs_energy=False,
        ),
        Axis(
            name="energy",
            title="energy per image, mJ",
            unit="mJ",
            value=lambda row: row.energy_mj,
            interval=lambda row: row.energy_ci_mj,
        ),
        Axis(
            name="fom",
            title="FoM = accuracy / (s × J)",
            unit="",
            value=lambda row: row.fom,
            interval=_fom_interval,
        ),
    )
}

BASELINE, FRONT, DOMINATED, APART = "baseline", "front", "dominated", "apart"


@dataclass(frozen=True, slots=True)
class Point:
    row: Row
    value: float
    interval: tuple[float, float]
    share: float
    share_interval: tuple[float, float]
    role: str
    # Why it stands apart, in words.
    why: str
    # The objectives that it wins.
    wins: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Scatter:
    axis: Axis
    # In the order of the ranking, the baseline last.
    points: tuple[Point, ...]
    # Of the energies that may be compared; None where energy is no part of it.
    provenance: Provenance | None

    @property
    def front(self) -> list[Point]:
        """From one end of the axis to the other."""
        on = [point for point in self.points if point.role == FRONT or (point.role == BASELINE and point.why == FRONT)]
        return sorted(on, key=lambda point: point.value)


def said(point: Point, axis: Axis) -> str:
    """The label of a winner, or of the baseline."""
    what = f"best {', '.join(name if name != 'fom' else 'FoM' for name in point.wins)}" if point.wins else "baseline"
    figure = f"{number(point.value)} {axis.unit}" if axis.unit else f"FoM {number(point.value)}"
    rests_on = f" ({point.row.energy_provenance.kind})" if axis.needs_energy else ""
    return f"{what}: {figure}{rests_on}, {100 * point.share:.2f} %"


def winners(standings: Standings) -> dict[str, str]:
    """Recipe ids by objective: who would win each contest under this study's line."""
    found = {}
    for name in OBJECTIVES:
        able = leading(standings.ranked, replace(standings.goal, objective=name))
        if able:
            found[name] = able[0].recipe_id
    return found


def scatter(standings: Standings, name: str) -> Scatter:
    axis = AXES[name]
    evaluations = (*standings.ranked, standings.baseline)
    rows = [standings.row(one) for one in evaluations]
    provenance = _provenance(standings) if axis.needs_energy else None
    won: dict[str, list[str]] = {}
    for objective, recipe_id in winners(standings).items():
        won.setdefault(recipe_id, []).append(objective)
    reasons = [_apart(row, one, axis, provenance) for row, one in zip(rows, evaluations, strict=True)]
    able = [row for row, why in zip(rows, reasons, strict=True) if not why]
    on = {row.recipe_id for row in front(able, axis.name)}
    points = []
    for row, one, why in zip(rows, evaluations, reasons, strict=True):
        if axis.value(row) <= 0:
            # A logarithmic scale has no place for it.
            continue
        share = one.accuracy.share
        role = APART if why else FRONT if row.recipe_id in on else DOMINATED
        if one is standings.baseline:
            role, why = BASELINE, why or role
        points.append(
            Point(
                row,
                axis.value(row),
                axis.interval(row),
                share,
                row.accuracy_ci,
                role,
                why,
                tuple(won.get(row.recipe_id, ())),
            )
        )
    return Scatter(axis, tuple(points), provenance)


def _apart(row: Row, evaluation: Evaluation, axis: Axis, provenance: Provenance | None) -> str:
    if row.gated:
        return "dropped on its latency alone"
    if row.dirty:
        return "dirty: " + ", ".join(evaluation.current.dirty)
    if provenance is not None and not row.energy_provenance.is_comparable_with(provenance):
        return f"its energy is {row.energy_provenance}"
    return ""


def _provenance(standings: Standings) -> Provenance:
    """That of the winner; where nobody wins, the baseline's."""
    able = leading(standings.ranked, replace(standings.goal, objective="energy"))
    return (able[0] if able else standings.baseline).current.energy_provenance
