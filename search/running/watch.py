"""Watch: a study while it runs: best so far against time, the front, what is at work, how long yet."""

import time
from collections.abc import Sequence

from search.choosing.latency_model import errors_held_out
from search.results.front import front
from search.results.rows import Row
from search.results.sparkline import sparkline
from search.results.standings import Standings, standings
from search.results.wording import accuracy, figure, line, number, shape
from search.settings.durations import spoken
from search.store.goal import Goal
from search.store.store import Store
from search.store.trials import COMPLETE, FAILED, GATED, RUNNING, TrialRecord
from space.errors import RequestError

# Columns of the line that shows the best so far.
COLUMNS = 60
# Rows of the front that are shown.
SHOWN = 6
# Fact of the store in which a run says when it ends.
RUN = "run"


def picture(store: Store, goal: Goal, at_work: str | None) -> list[str]:
    """Lines; nothing here needs the lock."""
    trials = store.trials(goal.id)
    lines = [f"{goal.id}: {_counts(trials, bool(at_work))}", f"at work: {at_work or 'nobody'}{_left(store, at_work)}"]
    now = time.time()
    lines += [
        f"trial {trial.number}: recipe {trial.recipe_id}, for {spoken(now - trial.begun_at)}"
        for trial in trials
        if trial.state == RUNNING and at_work
    ]
    try:
        ranking = standings(store, goal)
    except RequestError:
        return [*lines, "the baseline is being measured"]
    errors = map(str, errors_held_out(ranking.ranked))
    return [*lines, *_best(ranking, trials), *_front(ranking), *errors]


def _counts(trials: Sequence[TrialRecord], at_work: bool) -> str:
    states = [trial.state for trial in trials]
    words = {COMPLETE: "evaluated", GATED: "not trained, could not win", FAILED: "failed"}
    if at_work:
        words[RUNNING] = "running"
    return ", ".join(f"{states.count(state)} {text}" for state, text in words.items() if state in states) or "no trials"


def _left(store: Store, at_work: str | None) -> str:
    end = store.fact(RUN)
    if not at_work or not end:
        return ""
    left = float(end) - time.time()
    return f"; no trial begins after {spoken(left)} more" if left > 0 else "; the last trials"


def _best(ranking: Standings, trials: Sequence[TrialRecord]) -> list[str]:
    """The leader of every moment, from the first trial's begin to now."""
    if ranking.best is None or not trials:
        return ["nothing holds the line yet"]
    objective = ranking.objective
    ended = {trial.recipe_id: trial.ended_at for trial in trials if trial.state == COMPLETE and trial.ended_at}
    able = [row for row in ranking.ranked[: ranking.leaders] if row.recipe_id in ended]
    begun, end = trials[0].begun_at, max([trial.ended_at or 0 for trial in trials])
    values: list[float | None] = []
    for column in range(1, COLUMNS + 1):
        until = begun + (end - begun) * column / COLUMNS
        so_far = [objective.value(row) for row in able if ended[row.recipe_id] <= until]
        values.append((max if objective.maximise else min)(so_far) if so_far else None)
    drawn = [f"best so far over {spoken(end - begun)}: {sparkline(values)}"] if any(values) else []
    return [*drawn, f"leads: {line(ranking.row(ranking.best), ranking.goal.objective)}"]


def _front(ranking: Standings) -> list[str]:
    rows = front(ranking.rows[:-1])
    return ["front, from fast to accurate:", *(_row(row, ranking.goal) for row in rows[:SHOWN])] if rows else []


def _row(row: Row, goal: Goal) -> str:
    note = "" if row.feasible else "  below the line"
    return f"  {number(row.latency_ms)} ms  {accuracy(row)}  {figure(row, goal.objective)}  {shape(row)}{note}"
