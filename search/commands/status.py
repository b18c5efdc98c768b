"""`status`: which studies there are, how far they got, and who is at work."""

import argparse
import json
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from typing import Any

from rich.console import Group
from rich.text import Text

from search.commands.exit_status import OK
from search.results.kept_files import files_of
from search.results.report import results_console
from search.results.rows import Row
from search.results.standings import standings
from search.results.terminal import whole_screen
from search.results.wording import line
from search.running import doing
from search.settings.grid import Point
from search.settings.settings import settings
from search.store.goal import Goal
from search.store.store import Store
from search.store.trials import COMPLETE, FAILED, GATED, INTERRUPTED, RUNNING
from search.store.writing import at_work, at_work_on
from space.errors import RequestError

# Seconds between two looks.
_EVERY_S = 2.0
# Columns and rows of the one look into a pipe.
_PIPE = (100, 40)
# What a person calls the states of trials, in the order in which they are told.
_STATES = {
    "finished": COMPLETE,
    "gated": GATED,
    "failed": FAILED,
    "interrupted": INTERRUPTED,
    "running": RUNNING,
}


@dataclass(frozen=True, slots=True)
class Progress:
    """How far one study got."""

    goal: Goal
    # Trials in each state.
    counts: dict[str, int]
    # The points of a grid, each with its row; None where it is not evaluated yet.
    points: dict[Point, Row | None]
    best: Row | None
    # On a server, who is at work on the study, and how many trials each has on its way.
    at_work: dict[str, int]

    @property
    def evaluated(self) -> int:
        return sum(row is not None for row in self.points.values())

    def as_dict(self) -> dict[str, Any]:
        grid = {"points": len(self.points), "evaluated": self.evaluated} if self.points else {}
        return {
            "study": self.goal.id,
            **self.counts,
            **grid,
            "best": self.best.as_dict() if self.best else None,
            **({"at_work": self.at_work} if self.at_work else {}),
        }

    def line(self) -> str:
        counts = [f"{count} {state}" for state, count in self.counts.items() if count]
        if self.points:
            counts.append(f"{self.evaluated} of {len(self.points)} points of the grid are evaluated")
        best = line(self.best, self.goal.objective) if self.best else "no feasible trial yet"
        lines = [f"{self.goal.id}: {', '.join(counts) or 'no trials'}; {best}"]
        lines += [f"  {writer}: {count} on their way" for writer, count in self.at_work.items()]
        return "\n".join(lines)


def main(options: argparse.Namespace) -> int:
    chosen = settings(vars(options))
    store = Store.existing(chosen.store, chosen.storage)
    if options.watch:
        return _watch(store)
    writer = at_work(store)
    studies = [_progress(store, goal, bool(writer)) for goal in store.studies()]
    files = files_of(store)
    working = workers(store)
    if options.json:
        content = [study.as_dict() for study in studies]
        with_files = {"files": asdict(files)} if files else {}
        with_workers = {"workers": [asdict(each) for each in working]} if working else {}
        head = {"store": str(chosen.store), "at_work": writer, **with_workers, **with_files}
        print(json.dumps({**head, "studies": content}, indent=1))
        return OK
    console = results_console()
    console.print(f"{chosen.store}: {writer or 'nobody at work'}", markup=False)
    for text in [*map(str, working), *([str(files)] if files else []), *(study.line() for study in studies)]:
        console.print(text, markup=False)
    return OK


@dataclass(frozen=True, slots=True)
class WorkerAtWork:
    """A worker of the cluster that trains for the run which is at work."""

    name: str
    # What the worker does; empty where it is idle.
    step: str
    share: float
    # The share of its time so far in which it was at work.
    busy: float

    def __str__(self) -> str:
        done = f", {100 * self.share:.0f} % done" if self.step and self.share else ""
        return f"{self.name}: {self.step or 'idle'}{done}; busy for {100 * self.busy:.0f} % of its time"


def workers(store: Store) -> list[WorkerAtWork]:
    work = doing.kept(store.folder)
    return [
        WorkerAtWork(entry.place, entry.step, entry.share, entry.busy)
        for entry in (work.doing if work else ())
        if entry.busy is not None
    ]


def _progress(store: Store, goal: Goal, running: bool) -> Progress:
    states = [trial.state for trial in store.trials(goal.id)]
    # Without a writer nothing runs; what a kill left open is settled by the next run.
    counts = {name: states.count(state) if running or state != RUNNING else 0 for name, state in _STATES.items()}
    work = at_work_on(store, goal) if running else {}
    try:
        ranking = standings(store, goal)
    except RequestError:
        return Progress(goal, counts, {}, None, work)
    return Progress(goal, counts, ranking.points(), ranking.row(ranking.best) if ranking.best else None, work)


def _watch(store: Store) -> int:
    """Until Ctrl-C, which is how one stops looking; into a pipe once."""
    # The import brings the forecasts' SciPy, which `status` alone does without.
    from search.running.watch import picture

    console = results_console()

    def look(width: int, height: int) -> list[Text]:
        return picture(store, at_work(store), width, height)

    if not console.is_terminal or console.is_dumb_terminal:
        console.print(Group(*look(*_PIPE)))
        return OK
    with suppress(KeyboardInterrupt), whole_screen(console) as shown:
        while True:
            shown.draw(look(*console.size))
            time.sleep(_EVERY_S)
    return OK
