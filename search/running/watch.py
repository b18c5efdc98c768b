"""Watch: a run from another terminal, on the screen that it shows on its own."""

import time
from collections.abc import Sequence

from rich.text import Text

from search.choosing.latency_model import errors_held_out
from search.results.standings import standings
from search.running.doing import Doing, Work, kept
from search.running.screen import fitted, screen
from search.running.studied import studied
from search.store.goal import Goal
from search.store.store import Store
from search.store.trials import RUNNING
from space.errors import RequestError

# Fact of the store in which a run says when it ends.
RUN = "run"


def picture(store: Store, at_work: str | None, width: int, height: int) -> list[Text]:
    """Nothing here needs the lock."""
    known = store.studies()
    if not known:
        return [Text("no study yet")]
    # What a run that was killed left behind is nobody's work.
    work = (kept(store.folder) or _work(store, known[0])) if at_work else None
    by_id = {goal.id: goal for goal in known}
    goals = [by_id[id] for id in work.studies if id in by_id] if work else []
    goals = goals or known[:1]
    below = [Text(f"at work: {at_work or 'nobody'}", style="dim"), *_errors(store, goals[0])]
    shown = screen(studied(store, goals), work, time.time(), width, height - len(below))
    return [*shown, *(fitted(text, width) for text in below)]


def _work(store: Store, goal: Goal) -> Work:
    """The work of a run whose folder is another one: what the database knows of it."""
    trials, end = store.trials(goal.id), store.fact(RUN)
    doing = [
        Doing(f"trial {trial.number}", f"recipe {trial.recipe_id}", 0.0, trial.begun_at)
        for trial in trials
        if trial.state == RUNNING
    ]
    begun = min((each.since for each in doing), default=time.time())
    return Work("trials", 0, 0, begun, float(end) if end else None, (goal.id,), tuple(doing))


def _errors(store: Store, goal: Goal) -> Sequence[Text]:
    """How far the prediction of latency was off, held out."""
    try:
        return [Text(str(error), style="dim") for error in errors_held_out(standings(store, goal).ranked)]
    except RequestError:
        return []
