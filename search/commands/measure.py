"""`measure`: any file that a runtime takes: latency, memory, energy; the course's protocol beside ours."""

import argparse
import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path

from evaluators.measured import Subject
from evaluators.runtimes.runtime import RUNTIMES, format_of_runtime
from evaluators.runtimes.settings import RuntimeSettings
from search.commands.exit_status import INTERRUPTED, OK
from search.results.course_row import CourseRow, course_row
from search.results.report import results_console
from search.results.rows import FileRow, row_of_file
from search.results.terminal import plain
from search.results.wording import number
from search.running.file_measuring import measure_file, runtime_settings, taker_of
from search.settings.settings import settings
from space.errors import CandidateError, RequestError
from space.formats.format import Format
from space.recipe import Recipe


def main(options: argparse.Namespace) -> int:
    chosen = settings(vars(options))
    file_format = format_of_runtime(taker_of(options.model).name)
    figures = file_format.cost(options.model)
    described, recipe = _described(file_format, options.model)
    runtime = runtime_settings(recipe, options.model)
    try:
        subject = Subject(options.model.name, options.model, runtime)
        measured = measure_file(subject, options.protocol, chosen, _say)
    except KeyboardInterrupt:
        return INTERRUPTED
    row = row_of_file(
        measured.ours.figures,
        str(options.model),
        (figures.weights, figures.macs, figures.operators),
        described,
        recipe,
        measured.images,
    )
    beside = course_row(measured.course) if measured.course else None
    if options.json:
        print(json.dumps(row.as_dict() | ({"course": beside.as_dict()} if beside else {}), indent=1))
    else:
        _print(row, runtime)
        if beside:
            _print_course(beside)
    return OK


def _described(file_format: Format, model: Path) -> tuple[Mapping[str, str], Recipe | None]:
    """What its metadata say, and the recipe among them, where a search of ours wrote the file."""
    try:
        described = file_format.read_metadata(model)
        recipe = Recipe.from_json(described["recipe"]) if "recipe" in described else None
    except (CandidateError, RequestError) as error:
        raise RequestError(f"{model}: its metadata cannot be read: {error}") from error
    if not _COUNT.fullmatch(described.get("parameters", "0")):
        raise RequestError(f"{model}: its metadata give {described['parameters'][:50]!r} as the number of parameters")
    return described, recipe


_COUNT = re.compile("[0-9]{1,18}")
_DIRTY = "the run was dirty: others used the device"


def _say(text: str) -> None:
    print(plain(text), file=sys.stderr)


def _print(row: FileRow, runtime: RuntimeSettings) -> None:
    console = results_console()
    low, high = row.latency_ci_ms
    for name, text in (
        ("latency", f"{number(row.latency_ms)} ms ({number(low)} to {number(high)}), {row.latency_provenance}"),
        ("course", _course(row, runtime)),
        ("energy", f"{number(row.energy_mj)} mJ, {number(row.mwh_per_2000)} mWh per 2,000, {row.energy_provenance}"),
        ("power", _power(row)),
        ("memory", f"{row.memory_mb:.1f} MB"),
        ("size", f"{row.parameters:,} parameters, {row.macs:,} MACs, {row.operators} operators"),
        ("runtime", _runtime(row, runtime)),
        ("images", row.images),
    ):
        console.print(f"{name:9}{text}", markup=False)
    if row.dirty:
        console.print(_DIRTY, markup=False)
    for text in row.warnings or ():
        console.print(f"warning: {text}", markup=False)


def _runtime(row: FileRow, settings: RuntimeSettings) -> str:
    heeded = RUNTIMES.get(settings.runtime).settings
    spinning = f", spinning {'on' if settings.spinning else 'off'}" if "spinning" in heeded else ""
    return f"{row.framework}, {settings.threads} thread(s){spinning}"


def _course(row: FileRow, runtime: RuntimeSettings) -> str:
    if row.course_latency_ms is None:
        return f"the same: {RUNTIMES.get(runtime.runtime).course_call} is what its script times"
    return f"{number(row.course_latency_ms)} ms, {row.course_call} alone, which is what its script times"


def _power(row: FileRow | CourseRow) -> str:
    idle = "" if row.idle_power_w is None else f", {row.idle_power_w:.2f} W idle"
    return f"{row.mean_power_w:.2f} W on average, {row.max_power_w:.2f} W at most{idle}"


def _interval(row: CourseRow) -> str:
    return f" ({number(row.energy_ci_mj[0])} to {number(row.energy_ci_mj[1])})" if row.energy_ci_mj else ""


def _print_course(row: CourseRow) -> None:
    """A block of its own: no figure of one protocol compares with one of the other."""
    console = results_console()
    script = f"{number(row.script_s)} s, {number(row.script_ms_per_image)} ms per image"
    console.print(f"\nThe course's protocol, {row.images:,} PNG files", markup=False)
    for name, text in (
        ("accuracy", f"{100 * row.accuracy:.2f} % of these images"),
        ("latency", f"{number(row.latency_ms)} ms, {row.latency_provenance}"),
        ("script", f"{script}; start, imports and decoding included, {number(row.script_cpu_s)} s of CPU time"),
        ("energy", f"{number(row.energy_mj)} mJ per image{_interval(row)}, {row.energy_provenance}"),
        ("power", _power(row)),
        ("memory", f"{row.memory_mb:.1f} MB, the whole script's peak"),
        ("FoM", number(row.fom)),
    ):
        console.print(f"{name:9}{text}", markup=False)
    if row.dirty:
        console.print(_DIRTY, markup=False)
