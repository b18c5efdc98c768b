"""Report: rows as lines and as a table, for a terminal and for a pipe."""

import math
import sys
from collections import Counter
from collections.abc import Iterable, Sequence

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from evaluators.provenance import Kind
from search.results.column_table import columns
from search.results.columns import Entry, View, ViewColumn
from search.results.findings import findings
from search.results.method_findings import method_findings
from search.results.methods import Methods, methods
from search.results.pivot import Pivot, pivot
from search.results.published import elsewhere
from search.results.rows import Row
from search.results.standings import Standings
from search.results.tables import entries
from search.results.terminal import plain_console
from search.results.unmetered import unmetered_lines
from search.results.wording import (
    ONE_CONTEST,
    accuracy,
    data_name,
    implied,
    number,
    runtime_and_settings,
)
from search.scoring.audit import FITS
from search.scoring.ranking import feasible
from search.settings.durations import spoken
from search.settings.settings import TRIALS

# Letters of the last column, and between two columns.
_LEAST_WORDS, _GAP = 36, 2
# This many warnings are shown, the most frequent first; every row's own are in the JSON.
_MOST_WARNINGS = 3


def results_console() -> Console:
    """Stdout; a pipe is as wide as its lines."""
    return plain_console(soft_wrap=True, width=None if sys.stdout.isatty() else 250)


def table(standings: Standings, top: int, width: int = 250) -> Table:
    listed = entries(standings, top)
    every = columns(View.RANKING, [entry.row for entry in listed])
    needed = [max(map(cell_len, [each.title, *map(each.read, listed)])) for each in every]
    shown = _fitting(every, needed, width)
    drawn = _empty((each.title, each.column.words) for each, _ in shown)
    if shown[-1][0] is every[-1]:
        drawn.columns[-1].max_width = width - sum(letters + _GAP for _, letters in shown[:-1])
    for entry in listed:
        drawn.add_row(*(each.read(entry) for each, _ in shown), style="bold" if entry.place == 1 else None)
    return drawn


def _fitting(every: Sequence[ViewColumn], needed: Sequence[int], width: int) -> list[tuple[ViewColumn, int]]:
    """Columns go whole, as a figure that is cut is none; of the last one's words some may be cut."""
    shown = list(zip(every, (*needed[:-1], min(needed[-1], _LEAST_WORDS)), strict=True))
    while sum(letters + _GAP for _, letters in shown) - _GAP > width:
        spare = max(shown, key=lambda each: each[0].column.goes)
        if not spare[0].column.goes:
            break
        shown.remove(spare)
    return shown


def grid_table(standings: Standings) -> Table:
    """A row per point, in the grid's order; the baseline last."""
    shown = columns(View.GRID, standings.rows)
    points = standings.points()
    names = [name for name in ("runtime", "criterion") if len({getattr(point, name) for point in points} - {None}) > 1]
    drawn = _empty([*((name, True) for name in names), ("quantization", True), ("fraction", False), ("epochs", False),
                    *((each.title, each.column.words) for each in shown)])  # fmt: skip
    places = {evaluation.recipe_id: place for place, evaluation in enumerate(standings.ranked, start=1)}
    failed = standings.failed_points()
    for point, row in points.items():
        stub = (
            *(getattr(point, name) or "-" for name in names),
            point.quantization,
            f"{point.fraction:g}",
            str(point.epochs),
        )
        if row is None:
            # What became of it stands in the last column.
            cells = [*[""] * (len(shown) - 1), failed.get(point, "not yet")]
            drawn.add_row(*map(Text, (*stub, *cells)))
            continue
        place = places.get(row.recipe_id, len(places) + 1)
        entry = Entry(row, place=place if place <= standings.leaders else None)
        texts = (*stub, *(each.read(entry) for each in shown))
        drawn.add_row(*map(Text, texts), style="bold" if entry.place == 1 else None)
    baseline = Entry(standings.row(standings.baseline), is_baseline=True)
    drawn.add_row(*map(Text, (*("-" for _ in names), "none", "-", "-", *(each.read(baseline) for each in shown))))
    return drawn


def pivot_table(pivot: Pivot) -> Table:
    """Every network beside the unpruned one."""
    drawn = _empty((column.title, column.words) for column in pivot.shown)
    for cells in pivot.texts()[1]:
        drawn.add_row(*map(Text, cells))
    return drawn


def method_tables(compared: Methods) -> list[Table]:
    """Every network, and what is left of them on average."""
    drawn = []
    for headings, cells in (compared.texts(), compared.average_texts()):
        method_table = _empty((heading, heading in ("method", "runtime", "quantization")) for heading in headings)
        for row in cells:
            method_table.add_row(*map(Text, row))
        drawn.append(method_table)
    return drawn


def _empty(heads: Iterable[tuple[str, bool]]) -> Table:
    """A table without rows yet; words stand left."""
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for title, words in heads:
        drawn.add_column(title, justify="left" if words else "right", no_wrap=True)
    return drawn


def provenance(standings: Standings) -> list[str]:
    """What every number above rests on."""
    row, effort = standings.row(standings.baseline), standings.effort()
    figures = [evaluation.current for evaluation in (standings.baseline, *standings.ranked)]
    # Two runtimes may meet in one study: then gains say over which of them.
    recipes = [evaluation.candidate.recipe for evaluation in (standings.baseline, *standings.ranked)]
    several = len({recipe.runtime for recipe in recipes}) > 1
    latencies = dict.fromkeys(str(measurement.latency_provenance) for measurement in figures)
    return [
        f"latency {'; '.join(latencies)}",
        *_course_latency(standings.rows),
        *([f"gains are over the baseline in {runtime_and_settings(recipes[0])}"] if several else []),
        f"energy {row.energy_provenance}",
        *([ONE_CONTEST] if row.energy_provenance.kind is Kind.ESTIMATED else []),
        f"{effort.inferences:,} inferences timed in {spoken(effort.seconds)}; 3 x 10,000 of each file would have taken "
        f"{spoken(effort.fixed_seconds)}",
        f"accuracy on {data_name(standings.goal.data)}; line {100 * standings.goal.minimum_accuracy:.2f} % on test, "
        f"{100 * standings.goal.least_accuracy:.2f} % on validation",
        *_warnings(standings),
    ]


def _course_latency(rows: Sequence[Row]) -> list[str]:
    """A line where the course's script times less than a latency is of."""
    calls = " or ".join(dict.fromkeys(row.course_call for row in rows if row.course_call))
    return [f"course ms is what the course's script times, {calls} alone; it is never ranked"] if calls else []


def _warnings(standings: Standings) -> list[str]:
    """What may have gone unnoticed, and of how many results."""
    figures = [evaluation.current for evaluation in (*standings.ranked, standings.baseline)]
    counts = Counter(warning for evaluation in figures for warning in evaluation.warnings)
    shown = counts.most_common(_MOST_WARNINGS)
    rest = len(counts) - len(shown)
    return [f"warning, {count} of {len(figures)} results: {text}" for text, count in shown] + (
        [f"{rest} further warnings: rank --json has them"] if rest else []
    )


def findings_of(standings: Standings, rows: Sequence[Row] | None = None) -> list[str]:
    """`rows`: those that are shown; all of a grid's where none are named."""
    if compared := methods(standings):
        return method_findings(compared)
    listed = [row for row in standings.points().values() if row] if rows is None else rows
    return findings(listed, standings.published)


def print_standings(console: Console, standings: Standings, top: int) -> None:
    console.print(f"{standings.goal.id} on {standings.bench.title}", markup=False)
    points = standings.points()
    if points:
        console.print(grid_table(standings))
        done = sum(row is not None for row in points.values())
        console.print(f"{done} of {len(points)} points of the grid are evaluated", markup=False)
        compared = methods(standings)
        if compared is None:
            _print_beside_unpruned(console, standings)
        else:
            _print_methods(console, compared)
        for text in elsewhere(standings.published, points):
            console.print(text, markup=False)
    else:
        console.print(table(standings, top, console.width))
    for text in findings_of(standings):
        console.print(text, markup=False)
    unmetered = unmetered_lines(standings)
    for text in unmetered:
        console.print(text, markup=False, style="bold")
    if not points and not unmetered and standings.rivals:
        sure = standings.lead_probability
        console.print(
            "which network is the best by its figure is unknown: gains over this baseline are known to ±100 % or worse"
            if sure is None
            else f"the first is the best of all networks by its figure with a probability of {100 * sure:.0f} %",
            markup=False,
        )
    for text in unconfirmed_lines(standings):
        console.print(text, markup=False)
    for text in provenance(standings):
        console.print(text, markup=False, style="dim")
    for text in unexplained(standings.rows):
        console.print(text, markup=False, style="bold")


def _print_methods(console: Console, compared: Methods) -> None:
    for drawn in method_tables(compared):
        console.print()
        console.print(drawn)
    for text in compared.lines():
        console.print(text, markup=False)
    console.print()


def _print_beside_unpruned(console: Console, standings: Standings) -> None:
    if (beside := pivot(standings)) is None:
        return
    console.print()
    console.print(pivot_table(beside))
    for text in beside.lines():
        console.print(text, markup=False)
    console.print()


def unconfirmed_lines(standings: Standings) -> list[str]:
    """Who looks better than the winner, and is not confirmed."""
    best, objective = standings.best, standings.objective
    ahead = [
        evaluation
        for evaluation in standings.waiting
        if best and objective.better(objective.value(evaluation), objective.value(best))
    ]
    if not ahead:
        return []
    which = "network that is not confirmed looks" if len(ahead) == 1 else "networks that are not confirmed look"
    return [f"{len(ahead)} {which} better than the first; `confirm` goes on with them"]


def unexplained(rows: Sequence[Row]) -> list[str]:
    """A line if the energy of some row of ours does not follow from its latency."""
    odd = [row for row in rows if row.audit.verdict != FITS]
    if not odd:
        return []
    row = odd[0]
    return [
        f"audit: the energy of {len(odd)} of {len(rows)} rows is not explained by latency; {row.recipe_id}: "
        f"{number(row.energy_mj)} mJ at {number(row.latency_ms)} ms and {row.max_power_w:.2f} W at most imply "
        f"{implied(row.audit)}; `confirm` measures again"
    ]


def near_misses(standings: Standings) -> list[str]:
    """What to do where nothing holds the line."""
    goal = standings.goal
    if not standings.ranked:
        return ["no trial has finished; --trials and --timeout say how many and how long"]
    dirty = [evaluation for evaluation in standings.ranked if evaluation.current.dirty and feasible(evaluation, goal)]
    if dirty:
        return [
            f"{len(dirty)} candidates hold the line, but every timing of them was dirty "
            f"({dirty[0].current.dirty[0]}); run again when the device is at rest"
        ]
    holding = [evaluation for evaluation in standings.ranked if feasible(evaluation, goal)]
    if holding:
        return [
            f"{len(holding)} candidates hold the line, but their energy is "
            f"{holding[0].current.energy_provenance.kind}, which is never ranked; --meter measures it, --objective "
            "latency does without"
        ]
    nearest = [f"{accuracy(standings.row(evaluation))} ({evaluation.recipe_id})" for evaluation in standings.ranked[:3]]
    return [
        f"none feasible: {100 * goal.least_accuracy:.2f} % on validation is the line "
        f"({100 * goal.minimum_accuracy:.2f} % and a margin of {100 * goal.margin:.2f}); nearest: {', '.join(nearest)}",
        *_above_the_baseline(standings),
        f"--timeout, or --trials {TRIALS} more, searches on; {_lower_line(standings)}",
    ]


def _above_the_baseline(standings: Standings) -> list[str]:
    """A network that is pruned seldom becomes better than the one that it came from."""
    baseline = standings.baseline
    if baseline.validation.share >= standings.goal.least_accuracy:
        return []
    return [f"the unpruned baseline itself has {100 * baseline.validation.share:.2f} %, below the line"]


def _lower_line(standings: Standings) -> str:
    goal, nearest = standings.goal, standings.row(standings.ranked[0])
    # The accuracy is rounded down to a hundredth.
    held = math.floor(100 * (nearest.validation_accuracy - goal.margin)) / 100
    if held <= 0:
        return "--min-accuracy or --margin 0 lowers the line"
    return (
        f"--min-accuracy {held:.2f} is held by {nearest.recipe_id}, at {number(nearest.latency_ms)} ms; --margin 0 "
        "lowers the line on validation alone"
    )
