"""`status`: which studies there are, how far they got, and who is at work."""

import argparse
import json

from search.exit_status import OK
from search.grid import Point
from search.lock import holder
from search.report import results_console
from search.rows import Row
from search.settings import settings
from search.standings import standings
from search.store import COMPLETE, FAILED, INTERRUPTED, RUNNING, Store
from search.words import line
from space.errors import RequestError


def main(options: argparse.Namespace) -> int:
    chosen = settings(vars(options))
    store = Store.existing(chosen.store, chosen.storage)
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
        ended = ("finished", "failed", "interrupted", "running")
        counts = [f"{study[state]} {state}" for state in ended if study[state]]
        if "points" in study:
            counts.append(f"{study['evaluated']} of {study['points']} points of the grid are evaluated")
        console.print(f"{study['study']}: {', '.join(counts) or 'no trials'}; {study['_line']}", markup=False)
    return OK
