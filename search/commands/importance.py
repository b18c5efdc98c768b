"""`importance`: which dimensions decided latency and accuracy, and what a point of accuracy costs."""

import argparse
import csv
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from search.analysis.importance import FEWEST, Ranked, Step, importances, steps
from search.commands.chosen import chosen_goals
from search.commands.exit_status import OK
from search.results.discretion import bench_for_others
from search.results.report import results_console
from search.results.standings import standings
from search.results.wording import data_name, number
from search.settings.settings import asked, settings
from search.store.store import Store
from space.errors import RequestError
from space.files import written_whole

# Dimensions shown for each target.
_SHOWN = 10


def main(options: argparse.Namespace) -> int:
    write = _WRITERS.get(options.to.suffix) if options.to else None
    if options.to and write is None:
        raise RequestError(f"--to {options.to}: known endings are {', '.join(_WRITERS)}")
    chosen = settings(vars(options))
    store = Store.existing(chosen.store, chosen.storage)
    ranking = standings(store, chosen_goals(store, chosen, asked(vars(options)))[0])
    ranked, prices = importances(ranking), steps(ranking.rows)
    bench = bench_for_others(ranking.bench, here=store.device(ranking.goal.bench_id).on_this_machine)
    heading = f"{ranking.goal.id} on {bench.title}; {data_name(ranking.goal.data)}"
    if write:
        if not any(target.importances for target in ranked):
            raise RequestError(f"--to {options.to}: {_too_few(ranked[0])}")
        try:
            with written_whole(options.to) as beside:
                write(beside, options.to.suffix, ranked, heading)
        except OSError as error:
            raise RequestError(f"--to {options.to} cannot be written: {error.strerror}") from error
    if options.json:
        print(json.dumps(_as_dict(ranking.goal.id, ranked, prices), indent=1))
        return OK
    console = results_console()
    console.print(f"{ranking.goal.id} on {ranking.bench.title}", markup=False)
    for target in ranked:
        if target.importances:
            console.print(_importances(target))
        else:
            console.print(f"importance for {target.target}: {_too_few(target)}", markup=False)
    if any(target.importances for target in ranked):
        console.print(
            "PED-ANOVA: how the best quarter differs from all; a sampler chose the trials, so this is what went "
            "together, not what causes",
            style="dim",
        )
    if prices:
        console.print(_prices(prices))
    else:
        console.print("what a point of accuracy costs: the front has one row; more trials make steps", markup=False)
    if options.to:
        console.print(f"{options.to}: written", markup=False)
    return OK


def _too_few(ranked: Ranked) -> str:
    return f"{ranked.trials} clean trials are too few to tell dimensions apart; --trials {FEWEST} or more are needed"


def _importances(ranked: Ranked) -> Table:
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    drawn.add_column(f"decided {ranked.target} ({ranked.trials} trials)", no_wrap=True, min_width=36)
    for name in ("importance", "by chance up to"):
        drawn.add_column(name, justify="right")
    for importance in ranked.importances[:_SHOWN]:
        cells = (importance.dimension, f"{100 * importance.share:.1f} %", f"{100 * importance.chance:.1f} %")
        drawn.add_row(*map(Text, cells), style="bold" if importance.told else "dim")
    return drawn


def _prices(prices: Sequence[Step]) -> Table:
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    drawn.add_column("along the front, validation accuracy %", min_width=36, no_wrap=True)
    provenances = {step.start.energy_provenance.kind for step in prices if step.mj_per_point is not None}
    for name in ("latency ms", "ms per point", f"mJ per point ({', '.join(sorted(provenances)) or 'none'})"):
        drawn.add_column(name, justify="right", no_wrap=True)
    for step in prices:
        spent = "-" if step.mj_per_point is None else number(step.mj_per_point)
        drawn.add_row(
            f"{100 * step.start.accuracy:.2f} to {100 * step.end.accuracy:.2f}",
            f"{number(step.start.latency_ms)} to {number(step.end.latency_ms)}",
            number(step.ms_per_point),
            spent,
        )
    return drawn


def _as_dict(study: str, ranked: Sequence[Ranked], prices: Sequence[Step]) -> dict[str, Any]:
    return {
        "study": study,
        "evaluator": "PED-ANOVA, best quarter against all",
        "importance": {
            target.target: {
                "trials": target.trials,
                "dimensions": {
                    importance.dimension: {"share": importance.share, "chance": importance.chance}
                    for importance in target.importances
                },
            }
            for target in ranked
        },
        "steps": [
            {
                "from": {"recipe_id": step.start.recipe_id, "validation_accuracy": step.start.accuracy},
                "to": {"recipe_id": step.end.recipe_id, "validation_accuracy": step.end.accuracy},
                "points": step.points,
                "ms_per_point": step.ms_per_point,
                "mj_per_point": step.mj_per_point,
                "energy_provenance": None if step.mj_per_point is None else str(step.start.energy_provenance),
            }
            for step in prices
        ],
    }


def _csv(path: Path, ending: str, ranked: Sequence[Ranked], heading: str) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["target", "trials", "dimension", "importance", "chance"])
        for target in ranked:
            for importance in target.importances:
                figures = (importance.share, importance.chance)
                table.writerow([target.target, target.trials, importance.dimension, *figures])


def _figure(path: Path, ending: str, ranked: Sequence[Ranked], heading: str) -> None:
    from search.export.figure import write_bars

    shown = [target for target in ranked if target.importances]
    write_bars(
        path,
        ending,
        heading,
        [f"what decided {target.target} ({target.trials} trials; grey: no more than chance)" for target in shown],
        [target.importances for target in shown],
    )


_WRITERS: dict[str, Callable[[Path, str, Sequence[Ranked], str], None]] = {
    ".csv": _csv,
    ".png": _figure,
    ".svg": _figure,
    ".pdf": _figure,
}
