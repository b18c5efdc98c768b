"""`sensitivity`: which layers matter: each alone pruned, its accuracy and its latency."""

import argparse
import csv
import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from evaluators.device.devices.choose import open_device
from search.analysis.sensitivity import Effect, Sensitivity, cells, conclusion, named_units, points
from search.commands.exit_status import INTERRUPTED, OK
from search.results.report import results_console
from search.results.wording import number
from search.running.probing import Question, sensitivity_of
from search.running.view import View
from search.settings.settings import Settings, settings
from search.store.writing import writing
from space.errors import RequestError
from space.files import written_whole
from space.networks.choose import network_named
from space.pruning.criteria import check_criterion


def main(options: argparse.Namespace) -> int:
    chosen = settings(vars(options))
    _check(chosen, options)
    units = named_units(options.units, network_named(chosen.architecture))
    question = Question(options.fractions, units, options.criterion, timed=not options.no_latency)
    view = View(len(options.fractions) * len(units), "layers pruned")
    with writing(chosen.store, chosen.storage) as store:
        try:
            sensitivity = sensitivity_of(question, chosen, store, view)
        except KeyboardInterrupt:
            view.say(f"stopped; what is done is kept in {store.folder}, the same command goes on")
            return INTERRUPTED
    if options.json:
        print(json.dumps(sensitivity.as_dict(), indent=1))
    else:
        _print(sensitivity)
    if options.to:
        try:
            with written_whole(options.to) as path:
                _WRITERS[options.to.suffix](sensitivity, path, options.to.suffix)
        except OSError as error:
            raise RequestError(f"--to {options.to} cannot be written: {error.strerror}") from error
        view.say(f"{options.to} is written")
    return OK


def _check(chosen: Settings, options: argparse.Namespace) -> None:
    """What cannot be is said before anything is made or trained."""
    check_criterion(options.criterion, network_named(chosen.architecture))
    if options.to and options.to.suffix not in _WRITERS:
        raise RequestError(f"--to {options.to}: known endings are {', '.join(_WRITERS)}")
    if not options.no_latency:
        for device in chosen.devices:
            open_device(device)


def _print(sensitivity: Sensitivity) -> None:
    console = results_console()
    console.print(_table(sensitivity))
    for text in conclusion(sensitivity):
        console.print(text, markup=False, style="bold")
    console.print(
        f"each unit alone pruned by {sensitivity.criterion} and not fine-tuned; accuracy on validation of "
        f"{sensitivity.data}, unpruned {100 * sensitivity.baseline_accuracy:.2f} %",
        markup=False,
        style="dim",
    )
    if sensitivity.latency_provenance:
        console.print(
            f"latency {sensitivity.latency_provenance}, unpruned {number(sensitivity.baseline_latency_ms or 0)} ms; "
            "saved against the unpruned network timed beside; ~ dirty",
            markup=False,
            style="dim",
        )


def _table(sensitivity: Sensitivity) -> Table:
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    drawn.add_column("unit")
    drawn.add_column("channels", justify="right")
    for fraction in sensitivity.fractions:
        drawn.add_column(f"points lost at {fraction:g}", justify="right")
    timed = sensitivity.latency_provenance is not None
    for fraction in sensitivity.fractions if timed else ():
        drawn.add_column(f"% saved at {fraction:g}", justify="right")
    for effects in sensitivity.by_unit():
        placed = cells(effects, sensitivity.fractions)
        lost = ["-" if effect is None else points(effect.accuracy_lost) for effect in placed]
        saved = [_saved(effect) for effect in placed]
        drawn.add_row(effects[0].unit, str(effects[0].channels), *lost, *(saved if timed else ()))
    return drawn


def _saved(effect: Effect | None) -> str:
    if effect is None or effect.latency_saved is None:
        return "-"
    return f"{'~' if effect.dirty else ''}{100 * effect.latency_saved:.1f}"


def _draw(sensitivity: Sensitivity, path: Path, suffix: str) -> None:
    from search.export.sensitivity_figure import draw

    draw(sensitivity, path, suffix)


def _csv(sensitivity: Sensitivity, path: Path, suffix: str) -> None:
    rows = [{"data": sensitivity.data, **asdict(effect), "latency_provenance": sensitivity.latency_provenance or ""}
            for effects in sensitivity.by_unit() for effect in effects]  # fmt: skip
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _json(sensitivity: Sensitivity, path: Path, suffix: str) -> None:
    path.write_text(json.dumps(sensitivity.as_dict(), indent=1))


_WRITERS: dict[str, Callable[[Sensitivity, Path, str], None]] = {
    ".png": _draw,
    ".svg": _draw,
    ".csv": _csv,
    ".json": _json,
}
