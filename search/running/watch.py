"""Watch: a study while it runs: best so far against time, the front, what is at work, how long yet."""

import time
from collections.abc import Sequence

from search.choosing.forecast import held_out
from search.results.front import front
from search.results.rows import Row
from search.results.sparkline import sparkline
from search.results.standings import Standings, standings
from search.results.wording import accuracy, figure, line, number, shape
from search.settings.durations import spoken
from search.store.goal import Goal
from search.store.store import COMPLETE, FAILED, GATED, RUNNING, Store, TrialRecord
from space.errors import RequestError

COLUMNS = 60
# Rows of the front.
SHOWN = 6
# Names the fact in which a run says when it ends.
RUN = "run"


def picture(store: Store, goal: Goal, at_work: str | None) -> list[str]:
    """Lines; nothing here needs the lock."""
    trials = store.trials(goal.id)
    said = [f"{goal.id}: {_counts(trials, bool(at_work))}", f"at work: {at_work or 'nobody'}{_left(store, at_work)}"]
    now = time.time()
    said += [
        f"trial {one.number}: recipe {one.recipe_id}, for {spoken(now - one.begun_at)}"
        for one in trials
        if one.state == RUNNING and at_work
    ]
    try:
        ranked = standings(store, goal)
    except RequestError:
        return [*said, "the baseline is being measured"]
    predicted = held_out(ranked.ranked)
    return [*said, *_best(ranked, trials), *_front(ranked), *([str(predicted)] if predicted else [])]


def _counts(trials: Sequence[TrialRecord], at_work: bool) -> str:
    states = [one.state for one in trials]
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


def _best(now: Standings, trials: Sequence[TrialRecord]) -> list[str]:
    """The leader of every moment, from the first trial's begin to now."""
    if now.best is None or not trials:
        return ["nothing holds the line yet"]
    ended = {one.recipe_id: one.ended_at for one in trials if one.state == COMPLETE and one.ended_at}
    able = [one for one in now.ranked[: now.leaders] if one.recipe_id in ended]
    begun, end = trials[0].begun_at, max([one.ended_at or 0 for one in trials])
    values: list[float | None] = []
    for column in range(1, COLUMNS + 1):
        until = begun + (end - begun) * column / COLUMNS
        there = [now.objective.value(one) for one in able if ended[one.recipe_id] <= until]
        values.append((max if now.objective.maximise else min)(there) if there else None)
    drawn = [f"best so far over {spoken(end - begun)}: {sparkline(values)}"] if any(values) else []
    return [*drawn, f"leads: {line(now.row(now.best), now.goal.objective)}"]


def _front(now: Standings) -> list[str]:
    rows = front(now.rows[:-1])
    return ["front, from fast to accurate:", *(_row(row, now.goal) for row in rows[:SHOWN])] if rows else []


def _row(row: Row, goal: Goal) -> str:
    note = "" if row.feasible else "  below the line"
    return f"  {number(row.latency_ms)} ms  {accuracy(row)}  {figure(row, goal.objective)}  {shape(row)}{note}"
