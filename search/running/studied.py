"""Studied: a study as it stands in the store, in the few figures that a screen has room for."""

from collections.abc import Sequence
from dataclasses import dataclass

from search.results.front import front
from search.results.rows import Row
from search.results.standings import Standings, standings
from search.results.wording import (
    accuracy,
    figure,
    framework_text,
    line,
    marked,
    measured,
    number,
    over_baseline,
    shape,
    short_data_name,
    times,
    training_text,
)
from search.running.dots import Dot, Kind
from search.scoring.objectives import Objective
from search.store.goal import Goal
from search.store.store import Store
from search.store.trials import COMPLETE, FAILED, GATED, TrialRecord
from space.errors import RequestError

# Rows of the ranking that the tallest screen shows.
LEADERS = 12
# Columns of the best so far.
COLUMNS = 120
# What a person calls the states of trials, in the order in which they are told.
_STATES = {COMPLETE: "evaluated", GATED: "not trained, could not win", FAILED: "failed"}


@dataclass(frozen=True, slots=True)
class Leader:
    """A row of the table, as text."""

    place: str
    recipe: str
    accuracy: str
    latency: str
    gain: str
    what: str


@dataclass(frozen=True, slots=True, eq=False)
class Studied:
    title: str
    counts: str
    # The accuracy that counts, on validation.
    least: float
    # Which gain the table shows.
    gain: str
    leaders: tuple[Leader, ...] = ()
    dots: tuple[Dot, ...] = ()
    # The objective's figure of whoever led at each moment, from the first trial's begin to now.
    best: tuple[float | None, ...] = ()
    best_words: str = ""
    # Seconds that this is of.
    span_s: float = 0.0
    # The leaders of the run's other studies, a line each.
    others: tuple[str, ...] = ()


def studied(store: Store, goals: Sequence[Goal]) -> Studied | None:
    """The first of the studies in full; None while its baseline is not measured yet."""
    try:
        rankings = [standings(store, goal) for goal in goals]
    except RequestError:
        return None
    if not rankings:
        return None
    ranking, trials = rankings[0], store.trials(goals[0].id)
    objective, goal = ranking.objective, ranking.goal
    best, span_s = _best(ranking, trials)
    return Studied(
        title=f"{objective.title}, {short_data_name(goal.data)}, {ranking.bench.title}",
        counts=_counts(trials),
        least=goal.least_accuracy,
        gain=_praised(ranking)[0],
        leaders=_leaders(ranking),
        dots=_dots(ranking),
        best=best,
        best_words=_best_words(ranking),
        span_s=span_s,
        others=tuple(_other(other) for other in rankings[1:]),
    )


def _counts(trials: Sequence[TrialRecord]) -> str:
    states = [trial.state for trial in trials]
    return ", ".join(f"{states.count(state)} {text}" for state, text in _STATES.items() if state in states)


def _other(ranking: Standings) -> str:
    name = ranking.goal.objective
    return f"best {name}: {line(ranking.row(ranking.best), name)}" if ranking.best else f"best {name}: none yet"


def _praised(ranking: Standings) -> tuple[str, bool]:
    """The gain that the table has, and whether it is one in FoM: where no meter read the energy, it is in latency."""
    of_fom = ranking.objective.praised_for == "fom" and measured(ranking.row(ranking.baseline))
    return ("FoM gain" if of_fom else "faster"), of_fom


def _leaders(ranking: Standings) -> tuple[Leader, ...]:
    _, of_fom = _praised(ranking)
    led = [
        _leader(ranking.row(evaluation), str(place) if place <= ranking.leaders else "-", of_fom)
        for place, evaluation in enumerate(ranking.ranked[:LEADERS], start=1)
    ]
    return (*led, _leader(ranking.row(ranking.baseline), "", of_fom, "unpruned"))


def _leader(row: Row, place: str, of_fom: bool, name: str = "") -> Leader:
    gain = marked(times(row.fom_gain), row) if of_fom else over_baseline(row.latency_gain, row.latency_gain_ci)
    kind = training_text(row.recipe)
    return Leader(
        place=place,
        recipe=name or row.recipe_id,
        accuracy=accuracy(row).replace("validation", "val."),
        latency=f"{number(row.latency_ms)} ms{' dirty' if row.dirty else ''}",
        gain=gain,
        what=f"{kind}; {shape(row)}; {framework_text(row)}; {row.parameters:,} parameters",
    )


def _dots(ranking: Standings) -> tuple[Dot, ...]:
    """What is gated has no accuracy."""
    shown = [evaluation for evaluation in ranking.ranked if not evaluation.gated]
    on_front = {row.recipe_id for row in front(map(ranking.row, shown))}
    best = ranking.best and ranking.best.recipe_id
    return (
        *(
            Dot(
                1e3 * evaluation.current.latency_s,
                evaluation.accuracy.share,
                Kind.BEST if evaluation.recipe_id == best
                else Kind.FRONT if evaluation.recipe_id in on_front else Kind.OTHER,
            )
            for evaluation in shown
        ),
        Dot(1e3 * ranking.baseline.current.latency_s, ranking.baseline.accuracy.share, Kind.BASELINE),
    )  # fmt: skip


def _best(ranking: Standings, trials: Sequence[TrialRecord]) -> tuple[tuple[float | None, ...], float]:
    """The leader of every moment, from the first trial's begin to the last one's end; the seconds between."""
    ended = {trial.recipe_id: trial.ended_at for trial in trials if trial.state == COMPLETE and trial.ended_at}
    objective = ranking.objective
    able = [row for row in ranking.ranked[: ranking.leaders] if row.recipe_id in ended]
    if not able:
        return (), 0.0
    begun, end = trials[0].begun_at, max(trial.ended_at or 0 for trial in trials)
    leaders = sorted((ended[row.recipe_id], objective.value(row)) for row in able)
    values: list[float | None] = []
    so_far: float | None = None
    for column in range(1, COLUMNS + 1):
        while leaders and leaders[0][0] <= begun + (end - begun) * column / COLUMNS + 1e-6:
            so_far = _better(objective, so_far, leaders.pop(0)[1])
        values.append(so_far)
    return tuple(values), end - begun


def _better(objective: Objective, so_far: float | None, value: float) -> float:
    return value if so_far is None or objective.better(value, so_far) else so_far


def _best_words(ranking: Standings) -> str:
    """What it ranks by, with what its energy rests on."""
    if ranking.best is None:
        return "nothing holds the line yet"
    return figure(ranking.row(ranking.best), ranking.goal.objective)
