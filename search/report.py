"""Report: rows as lines and as a table, for a terminal and for a pipe."""

import sys
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from search.audit import FITS, Audit
from search.durations import spoken
from search.exit_status import NONE_FEASIBLE, OK
from search.goal import Goal
from search.ranking import feasible
from search.rows import Row
from search.standings import Standings


def number(value: float) -> str:
    """Three significant digits, thousands apart: 0.0581, 1.36, 24.6, 12,300."""
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.{2 if value < 10 else 1}f}" if value >= 1 else f"{value:.3g}"


def figure(row: Row, objective: str) -> str:
    """The one that the objective ranks by."""
    if objective == "latency":
        return f"{number(row.latency_ms)} ms"
    if objective == "energy":
        return f"{number(row.energy_mj)} mJ ({kind(row.energy_provenance)})"
    return f"FoM {number(row.fom or 0)} ({kind(row.energy_provenance)} energy)"


def gain(row: Row, objective: str) -> str:
    value = row.fom_gain if objective == "fom" else row.latency_gain
    if objective == "energy" or value is None:
        return f"{number(row.latency_gain or 0)} x faster than the baseline"
    return f"{number(value)} x the baseline" if objective == "fom" else f"{number(value)} x faster than the baseline"


def line(row: Row, objective: str) -> str:
    """One evaluation in a line."""
    return f"{figure(row, objective)}, {accuracy(row)}, {number(row.latency_ms)} ms, {gain(row, objective)}"


def accuracy(row: Row) -> str:
    if row.test_accuracy is not None:
        return f"{100 * row.test_accuracy:.2f} % test"
    return "-" if row.validation_accuracy is None else f"{100 * row.validation_accuracy:.2f} % validation"


def kind(provenance: str) -> str:
    """measured, estimated or predicted."""
    return provenance.split(" ", 1)[0]


def shape(row: Row) -> str:
    """The widths at a glance, in the order of the network; a halving is marked, a removed block left out."""
    if row.recipe is None:
        return ""
    halvings = set(row.recipe["halvings"])
    return " ".join(
        f"{width}{'/2' if index in halvings else ''}" for index, width in enumerate(row.recipe["widths"]) if width
    )


# Columns that a narrower terminal does without.
_WANTED_WIDTH = {"max W": 130, "MB": 130, "parameters": 130, "what": 210}


def results_console() -> Console:
    """Stdout; a pipe is as wide as its lines."""
    return Console(highlight=False, soft_wrap=True, width=None if sys.stdout.isatty() else 250)


def table(standings: Standings, top: int, width: int = 250) -> Table:
    rows = [
        _cells(str(place) if place <= standings.leaders else "", standings.row(evaluation))
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


def _cells(place: str, row: Row, what: str = "") -> dict[str, str]:
    recipe = row.recipe or {}
    threads = recipe.get("threads", 1)
    notes = [
        "below the line:" if not row.feasible and not what else "",
        "dirty:" if row.dirty else "",
        f"{recipe.get('quantization')}, {recipe.get('epochs')} epochs, "
        f"{threads} thread{'s' if threads > 1 else ''}, {shape(row)}",
    ]
    share = row.accuracy or 0
    half = (row.latency_ci_ms[1] - row.latency_ci_ms[0]) / 2
    return {
        "": place,
        "trial": "-" if row.trial is None else str(row.trial),
        "recipe": "the baseline" if what else row.recipe_id or "-",
        "accuracy %": f"{100 * share:.2f} {'test' if row.test_accuracy is not None else 'val.'}",
        "latency ms": f"{number(row.latency_ms)} ±{100 * half / row.latency_ms:.1f} %",
        "faster": f"{number(row.latency_gain or 1)} x",
        f"mJ {kind(row.energy_provenance)}": number(row.energy_mj),
        "max W": f"{row.max_power_w:.2f}",
        "MB": f"{row.memory_mb:.1f}",
        "FoM": number(row.fom or 0),
        "FoM gain": f"{number(row.fom_gain or 1)} x",
        "parameters": f"{row.parameters:,}",
        "what": what or " ".join(note for note in notes if note),
    }


def provenance(standings: Standings) -> list[str]:
    """What every number above rests on."""
    row, effort = standings.row(standings.baseline), standings.effort()
    return [
        f"latency {row.latency_provenance}",
        f"energy {row.energy_provenance}",
        f"{effort.inferences:,} inferences timed in {spoken(effort.seconds)}; 3 x 10,000 of each file would have taken "
        f"{spoken(effort.fixed_seconds)}",
        f"accuracy on {data_name(standings.goal)}; line {100 * standings.goal.minimum_accuracy:.2f} % on test, "
        f"{100 * standings.goal.least_accuracy:.2f} % on validation",
    ]


def data_name(goal: Goal) -> str:
    return {"cifar10": "CIFAR-10", "builtin": "the built-in image set (not CIFAR-10)"}.get(goal.data, goal.data)


def print_standings(console: Console, standings: Standings, top: int) -> None:
    console.print(f"{standings.goal.id} on {standings.bench.title}", markup=False)
    console.print(table(standings, top, console.width))
    for text in provenance(standings):
        console.print(text, markup=False, style="dim")


def implied(audit: Audit) -> str:
    """What an energy says of power or of time, if it is right."""
    return (
        f"{number(audit.implied_power_w)} W, or {number(audit.implied_wall_ms)} ms of wall time per image "
        f"({number(audit.wall_multiple)} x the latency)"
    )


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
            f"{kind(holding[0].current.energy_provenance)}, which is never ranked; --meter measures it, --objective "
            "latency does without"
        ]
    nearest = [f"{accuracy(standings.row(one))} ({one.recipe_id})" for one in standings.ranked[:3]]
    return [
        f"none feasible: {100 * goal.least_accuracy:.2f} % on validation is the line "
        f"({100 * goal.minimum_accuracy:.2f} % and a margin of {100 * goal.margin:.2f}); nearest: {', '.join(nearest)}",
        f"--trials {max(12, len(standings.ranked))} searches on; --min-accuracy or --margin 0 lowers the line",
    ]


def print_results(console: Console, outcomes: Sequence[Standings]) -> int:
    """Each study's ranking and its best; the exit status that goes with them."""
    status = OK
    for standings in outcomes:
        goal = standings.goal
        print_standings(console, standings, top=5)
        if standings.best is None:
            for text in near_misses(standings):
                console.print(text, markup=False)
            status = NONE_FEASIBLE
        else:
            best = line(standings.row(standings.best), goal.objective)
            console.print(f"best {goal.objective}: {best}", markup=False, style="bold")
            console.print(f"its file: {standings.best.candidate.onnx}", markup=False)
    return status
