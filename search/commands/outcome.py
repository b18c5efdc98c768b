"""Outcome: what a run or `confirm` ends with: each study's ranking and best, and the exit status."""

from collections.abc import Sequence

from rich.console import Console

from search.commands.exit_status import NONE_FEASIBLE, OK
from search.results.report import near_misses, print_standings
from search.results.standings import Standings
from search.results.unmetered import contenders
from search.results.wording import line
from search.store.store import Store
from search.store.whose_file import where


def print_results(console: Console, store: Store, outcomes: Sequence[Standings]) -> int:
    """Each study's ranking and its best; the exit status that goes with them."""
    status = OK
    for standings in outcomes:
        goal = standings.goal
        print_standings(console, standings, top=5)
        if standings.best is None:
            for text in near_misses(standings):
                console.print(text, markup=False)
            # A grid's table is what was asked for.
            status = status if goal.grid else NONE_FEASIBLE
        else:
            best = line(standings.row(standings.best), goal.objective)
            settled = "" if not contenders(standings) else " of those metered, which is not settled"
            console.print(f"best {goal.objective}{settled}: {best}", markup=False, style="bold")
            console.print(f"its file: {where(store, standings.best.candidate, goal.baseline_id)}", markup=False)
    return status
