"""Report: rows as lines and as a table, for a terminal and for a pipe."""

import sys
from collections import Counter
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text

from evaluators.provenance import Kind
from search.results.findings import findings
from search.results.rows import Row
from search.results.standings import Standings
from search.results.terminal import plain_console
from search.results.unmetered import unmetered_lines
from search.results.wording import (
    ONE_CONTEST,
    accuracy,
    data_name,
    faster,
    fom_gain,
    half_percent,
    implied,
    number,
    shape,
)
from search.scoring.audit import FITS
from search.scoring.ranking import feasible
from search.settings.durations import spoken
from search.settings.settings import TRIALS

# Of the warnings that results carry, those that most of them do; every row's own are in the JSON.
_MOST_WARNINGS = 3

# Columns that a narrower terminal does without.
_WANTED_WIDTH = {"max W": 130, "MB": 130, "parameters": 130, "what": 210}


def results_console() -> Console:
    """Stdout; a pipe is as wide as its lines."""
    return plain_console(soft_wrap=True, width=None if sys.stdout.isatty() else 250)


def table(standings: Standings, top: int, width: int = 250) -> Table:
    waiting = {evaluation.recipe_id for evaluation in standings.waiting}
    rows = [
        _cells(
            str(place) if place <= standings.leaders else "",
            standings.row(evaluation),
            waiting=evaluation.recipe_id in waiting,
        )
        for place, evaluation in enumerate(standings.ranked[:top], start=1)
    ]
    rows.append(_cells("", standings.row(standings.baseline), "the unpruned baseline"))
    shown = [name for name in rows[0] if width >= _WANTED_WIDTH.get(name, 0)]
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for name in shown:
        drawn.add_column(name, justify="left" if name in {"recipe", "what"} else "right", no_wrap=True)
    for place, row in enumerate(rows):
        leads = place == 0 and standings.leaders
        drawn.add_row(*(row[name] for name in shown), style="bold" if leads else None)
    return drawn


def _cells(place: str, row: Row, what: str = "", *, waiting: bool = False) -> dict[str, str]:
    recipe, threads = row.recipe, row.recipe.threads
    notes = [
        "below the line:" if not row.feasible and not what else "",
        "dirty:" if row.dirty else "",
        "not confirmed:" if waiting else "",
        f"{recipe.quantization}, {recipe.epochs} epochs, {threads} thread{'s' if threads > 1 else ''}, {shape(row)}",
    ]
    return {
        "": place,
        "trial": "-" if row.trial is None else str(row.trial),
        "recipe": "the baseline" if what else row.recipe_id,
        "accuracy %": f"{100 * row.accuracy:.2f} {'test' if row.test_accuracy is not None else 'val.'}",
        "latency ms": f"{number(row.latency_ms)} {half_percent(row)}",
        "faster": faster(row),
        "mJ": f"{number(row.energy_mj)} {row.energy_provenance.kind}",
        "max W": f"{row.max_power_w:.2f}",
        "MB": f"{row.memory_mb:.1f}",
        "FoM": number(row.fom),
        "FoM gain": fom_gain(row),
        "parameters": f"{row.parameters:,}",
        "what": what or " ".join(note for note in notes if note),
    }


def grid_table(standings: Standings) -> Table:
    """A row per point, in the grid's order; the baseline last."""
    places = {one.recipe_id: str(place) for place, one in enumerate(standings.ranked[: standings.leaders], start=1)}
    failed = standings.failed_points()
    rows = [
        _point_cells(point.quantization, f"{point.fraction:g}", str(point.epochs))
        | (
            _row_cells(row, places.get(row.recipe_id, ""), "" if row.feasible else "below the line")
            if row
            else {"": failed.get(point, "not yet")}
        )
        for point, row in standings.points().items()
    ]
    baseline = standings.row(standings.baseline)
    rows.append(_point_cells("none", "-", "-") | _row_cells(baseline, "", "the unpruned baseline, at its best"))
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    for name in rows[-1]:
        drawn.add_column(name, justify="left" if name in {"quantization", ""} else "right", no_wrap=True)
    for cells in rows:
        drawn.add_row(
            *(Text(cells.get(name, "")) for name in rows[-1]), style="bold" if cells.get("place") == "1" else None
        )
    return drawn


def _point_cells(quantization: str, fraction: str, epochs: str) -> dict[str, str]:
    return {"quantization": quantization, "fraction": fraction, "epochs": epochs}


def _row_cells(row: Row, place: str, what: str) -> dict[str, str]:
    return {
        "parameters": f"{row.parameters:,}",
        "max MB": f"{row.memory_mb:.1f}",
        "latency ms": f"{number(row.latency_ms)} {half_percent(row)}",
        "faster": faster(row),
        "max W": f"{row.max_power_w:.2f}",
        "mJ": f"{number(row.energy_mj)} {row.energy_provenance.kind}",
        "accuracy": accuracy(row),
        "place": place,
        "": ", ".join(filter(None, [what, "dirty" if row.dirty else ""])),
    }


def provenance(standings: Standings) -> list[str]:
    """What every number above rests on."""
    row, effort = standings.row(standings.baseline), standings.effort()
    return [
        f"latency {row.latency_provenance}",
        f"energy {row.energy_provenance}",
        *([ONE_CONTEST] if row.energy_provenance.kind is Kind.ESTIMATED else []),
        f"{effort.inferences:,} inferences timed in {spoken(effort.seconds)}; 3 x 10,000 of each file would have taken "
        f"{spoken(effort.fixed_seconds)}",
        f"accuracy on {data_name(standings.goal.data)}; line {100 * standings.goal.minimum_accuracy:.2f} % on test, "
        f"{100 * standings.goal.least_accuracy:.2f} % on validation",
        *_warnings(standings),
    ]


def _warnings(standings: Standings) -> list[str]:
    """What may have gone unnoticed, and of how many results."""
    figures = [one.current for one in (*standings.ranked, standings.baseline)]
    said = Counter(warning for one in figures for warning in one.warnings)
    shown = said.most_common(_MOST_WARNINGS)
    rest = len(said) - len(shown)
    return [f"warning, {count} of {len(figures)} results: {text}" for text, count in shown] + (
        [f"{rest} further warnings: rank --json has them"] if rest else []
    )


def print_standings(console: Console, standings: Standings, top: int) -> None:
    console.print(f"{standings.goal.id} on {standings.bench.title}", markup=False)
    points = standings.points()
    if points:
        console.print(grid_table(standings))
        done = sum(row is not None for row in points.values())
        console.print(f"{done} of {len(points)} points of the grid are evaluated", markup=False)
    else:
        console.print(table(standings, top, console.width))
    for text in findings([row for row in points.values() if row]):
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


def unconfirmed_lines(standings: Standings) -> list[str]:
    """Who looks better than the winner, and is not confirmed."""
    best, objective = standings.best, standings.objective
    ahead = [one for one in standings.waiting if best and objective.better(objective.value(one), objective.value(best))]
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
    dirty = [one for one in standings.ranked if one.current.dirty and feasible(one, goal)]
    if dirty:
        return [
            f"{len(dirty)} candidates hold the line, but every timing of them was dirty "
            f"({dirty[0].current.dirty[0]}); run again when the device is at rest"
        ]
    holding = [one for one in standings.ranked if feasible(one, goal)]
    if holding:
        return [
            f"{len(holding)} candidates hold the line, but their energy is "
            f"{holding[0].current.energy_provenance.kind}, which is never ranked; --meter measures it, --objective "
            "latency does without"
        ]
    nearest = [f"{accuracy(standings.row(one))} ({one.recipe_id})" for one in standings.ranked[:3]]
    return [
        f"none feasible: {100 * goal.least_accuracy:.2f} % on validation is the line "
        f"({100 * goal.minimum_accuracy:.2f} % and a margin of {100 * goal.margin:.2f}); nearest: {', '.join(nearest)}",
        f"--trials {max(TRIALS, len(standings.ranked))} searches on; --min-accuracy or --margin 0 lowers the line",
    ]
