"""`status`: which studies there are, how far they got, and who is at work."""

import argparse
import json
import time
from contextlib import suppress

from rich.live import Live
from rich.text import Text

from search.commands.exit_status import OK
from search.results.report import results_console
from search.results.rows import Row
from search.results.standings import standings
from search.results.terminal import plain
from search.results.wording import line
from search.running.watch import picture
from search.settings.grid import Point
from search.settings.settings import Settings, settings
from search.store.lock import holder
from search.store.store import COMPLETE, FAILED, GATED, INTERRUPTED, RUNNING, Store
from space.errors import RequestError

# Between two looks.
_EVERY_S = 2.0


def main(options: argparse.Namespace) -> int:
    chosen = settings(vars(options))
    store = Store.existing(chosen.store, chosen.storage)
    if options.watch:
        return _watch(chosen, store)
    at_work = holder(chosen.store)
    studies = []
    for goal in store.studies():
        points: dict[Point, Row | None] = {}
        states = [trial.state for trial in store.trials(goal.id)]
        try:
            now = standings(store, goal)
            best = now.row(now.best) if now.best else None
            points = now.points()
        except RequestError:
            best = None
        studies.append(
            {
                "study": goal.id,
                "finished": states.count(COMPLETE),
                "gated": states.count(GATED),
                "failed": states.count(FAILED),
                "interrupted": states.count(INTERRUPTED),
                # Without a writer nothing runs; what a kill left open is settled by the next run.
                "running": states.count(RUNNING) if at_work else 0,
                **({"points": len(points), "evaluated": len([*filter(None, points.values())])} if points else {}),
                "best": best.as_dict() if best else None,
                "_line": line(best, goal.objective) if best else "no feasible trial yet",
            }
        )
    if options.json:
        plain = [{name: value for name, value in study.items() if name != "_line"} for study in studies]
        print(json.dumps({"store": str(chosen.store), "at_work": at_work, "studies": plain}, indent=1))
        return OK
    console = results_console()
    console.print(f"{chosen.store}: {at_work or 'nobody at work'}", markup=False)
    for study in studies:
        ended = ("finished", "gated", "failed", "interrupted", "running")
        counts = [f"{study[state]} {state}" for state in ended if study[state]]
        if "points" in study:
            counts.append(f"{study['evaluated']} of {study['points']} points of the grid are evaluated")
        console.print(f"{study['study']}: {', '.join(counts) or 'no trials'}; {study['_line']}", markup=False)
    return OK


def _watch(chosen: Settings, store: Store) -> int:
    """Until Ctrl-C, which is how one stops looking; into a pipe once."""
    console = results_console()

    def look() -> Text:
        goals = store.studies()
        lines = picture(store, goals[0], holder(chosen.store)) if goals else ["no study yet"]
        return Text(plain("\n".join(lines)), no_wrap=True, overflow="ellipsis")

    if not console.is_terminal:
        console.print(look())
        return OK
    with suppress(KeyboardInterrupt), Live(look(), console=console, auto_refresh=False) as live:
        while True:
            time.sleep(_EVERY_S)
            live.update(look(), refresh=True)
    return OK
