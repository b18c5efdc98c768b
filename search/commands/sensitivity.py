"""`sensitivity`: which layers matter: each alone pruned, its accuracy and its latency."""

import argparse
import csv
import json
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from evaluators.device.devices.choose import open_device
from evaluators.evaluate import FRONT
from evaluators.measurement import Accuracy, Figures
from search.analysis.sensitivity import (
    Effect,
    Probe,
    Sensitivity,
    cells,
    conclusion,
    effect_of,
    named_units,
    points,
    probes,
)
from search.building.child import Builder, built
from search.building.tasks import Built, carry_out
from search.commands.exit_status import INTERRUPTED, OK
from search.measuring.rig import Rig, open_rig, save_images, subject_of
from search.results.report import results_console
from search.results.wording import data_name, number
from search.running.preparation import have_baseline, prepare, remember
from search.running.reference import References
from search.running.view import View
from search.settings.durations import spoken
from search.settings.settings import Settings, settings
from search.store.lock import locked
from search.store.store import Store
from space.baseline import Baseline, baseline_recipe
from space.data.sources import Source
from space.errors import CandidateError, RequestError
from space.files import written_whole
from space.networks.mobilenet_v1.shape import unit_name
from space.pruning.criteria import CRITERIA


def main(options: argparse.Namespace) -> int:
    chosen = settings(vars(options))
    _check(chosen, options)
    units = named_units(options.units)
    view = View(len(options.fractions) * len(units), "layers pruned")
    with locked(chosen.store):
        store = Store.create(chosen.store, chosen.storage)
        try:
            found = _sensitivity(chosen, options, units, store, view)
        except KeyboardInterrupt:
            view.say(f"stopped; what is done is kept in {store.folder}, the same command goes on")
            return INTERRUPTED
    if options.json:
        print(json.dumps(found.as_dict(), indent=1))
    else:
        _print(found)
    if options.to:
        try:
            with written_whole(options.to) as path:
                _WRITERS[options.to.suffix](found, path, options.to.suffix)
        except OSError as error:
            raise RequestError(f"--to {options.to} cannot be written: {error.strerror}") from error
        view.say(f"{options.to} is written")
    return OK


def _check(chosen: Settings, options: argparse.Namespace) -> None:
    """Said before anything is made or trained."""
    if options.criterion not in CRITERIA:
        raise RequestError(f"--criterion {options.criterion} is not known; choose {', '.join(CRITERIA)}")
    if options.to and options.to.suffix not in _WRITERS:
        raise RequestError(f"--to {options.to}: known endings are {', '.join(_WRITERS)}")
    if not options.no_latency:
        for device in chosen.devices:
            open_device(device)


def _sensitivity(
    chosen: Settings, options: argparse.Namespace, units: Sequence[int], store: Store, view: View
) -> Sensitivity:
    prepared = prepare(chosen, store, view.say)
    data = prepared.data
    images = save_images(store.folder / "images" / f"{data.fingerprint}-validation.npy", data.validation.pixels)
    with ExitStack() as stack:
        rig = None
        if not options.no_latency:
            # Latency alone is asked for: no meter.
            rig = stack.enter_context(open_rig(chosen.devices, images, view.say))
        builder = stack.enter_context(Builder(view.step))
        stack.enter_context(view)
        remember(store, prepared.source)
        baseline = have_baseline(prepared, store, builder, chosen, view)
        if rig:
            store.add_bench(rig.bench, rig.device)
            reference = References(store, builder, rig, view, baseline, prepared.source).settle()
        else:
            reference = _unpruned(store, builder, baseline, prepared.source, chosen.accelerator)
        recipe = reference.candidate.recipe
        run = _Run(store, rig, builder, baseline, prepared.source, view, chosen.accelerator)
        asked = probes(options.fractions, options.criterion, recipe, units)
        effects = tuple(run.effects(asked, reference.validation))
        figures = store.structure(recipe.structure_id, rig.bench.id) if rig else None
    if not effects:
        raise CandidateError("no unit could be pruned and looked at; the lines above say why")
    return Sensitivity(
        data=data_name(data.name),
        criterion=options.criterion,
        baseline_id=baseline.id,
        baseline_accuracy=reference.validation.share,
        images=len(data.validation),
        latency_provenance=str(figures.latency_provenance) if figures else None,
        baseline_latency_ms=1e3 * figures.latency_s if figures else None,
        effects=effects,
    )


def _unpruned(store: Store, builder: Builder, baseline: Baseline, source: Source, accelerator: str) -> Built:
    there = store.candidate(baseline_recipe().id, baseline.id)
    if there:
        return Built(*there)
    made = built(builder.submit(carry_out, baseline_recipe(), store.folder, baseline, source, accelerator))
    store.add_candidate(made.candidate, baseline.id, made.validation)
    return made


class _Run:
    """Builds what the store lacks, measures it, keeps it; each as soon as it is known."""

    def __init__(
        self,
        store: Store,
        rig: Rig | None,
        builder: Builder,
        baseline: Baseline,
        source: Source,
        view: View,
        accelerator: str,
    ) -> None:
        self._store, self._rig, self._builder, self._view = store, rig, builder, view
        self._made_for = (store.folder, baseline, source, accelerator)
        self._baseline_id = baseline.id

    def effects(self, asked: Sequence[Probe], reference: Accuracy) -> Iterator[Effect]:
        begun, fresh = time.monotonic(), 0
        left = [probe for probe in asked if self._known(probe) is None]
        for probe in asked:
            known = self._known(probe)
            if known:
                self._view.advance()
                yield effect_of(probe, known[0], reference, known[1])
        for probe, building in self._built(left):
            self._view.begin(f"{effect_name(probe)}: ")
            fresh += 1
            try:
                validation, figures = self._measured(probe, built(building))
            except CandidateError as error:
                self._view.advance(f"{effect_name(probe)} failed: {error}")
                continue
            effect = effect_of(probe, validation, reference, figures)
            rest = (time.monotonic() - begun) / fresh * (len(left) - fresh)
            self._view.advance(f"{line(effect)}  {f'{spoken(rest)} left' if rest else ''}")
            yield effect

    def _known(self, probe: Probe) -> tuple[Accuracy, Figures | None] | None:
        there = self._store.candidate(probe.recipe.id, self._baseline_id)
        figures = self._store.structure(probe.recipe.structure_id, self._rig.bench.id) if self._rig else None
        return (there[1], figures) if there and (figures or not self._rig) else None

    def _built(self, left: Sequence[Probe]) -> Iterator[tuple[Probe, Future[Built]]]:
        """One ahead of what is measured, unless that is on this machine."""
        ahead = int(self._rig is None or not self._rig.on_this_machine)
        flights: deque[tuple[Probe, Future[Built]]] = deque()
        for probe in left:
            task = self._builder.submit(carry_out, probe.recipe, *self._made_for)
            flights.append((probe, task))
            if len(flights) > ahead:
                yield flights.popleft()
        yield from flights

    def _measured(self, probe: Probe, made: Built) -> tuple[Accuracy, Figures | None]:
        self._store.add_candidate(made.candidate, self._baseline_id, made.validation)
        if self._rig is None:
            return made.validation, None
        structure_id, bench_id = probe.recipe.structure_id, self._rig.bench.id
        figures = self._store.structure(structure_id, bench_id)
        if figures is None:
            measured = self._rig.measure(subject_of(made.candidate), FRONT, self._view.step).result()
            figures = measured.figures
            self._store.add_measured(structure_id, bench_id, measured)
        return made.validation, figures


def effect_name(probe: Probe) -> str:
    return f"{unit_name(probe.unit)} {100 * probe.fraction:g} %"


def line(effect: Effect) -> str:
    saved = "" if effect.latency_saved is None else f", {100 * effect.latency_saved:.1f} % latency saved"
    saved += " (dirty)" if effect.dirty else ""
    return f"{effect.unit} {100 * effect.fraction:g} % pruned: {points(effect.accuracy_lost)} points lost{saved}"


def _print(found: Sensitivity) -> None:
    console = results_console()
    console.print(_table(found))
    for text in conclusion(found):
        console.print(text, markup=False, style="bold")
    console.print(
        f"each unit alone pruned by {found.criterion} and not fine-tuned; accuracy on validation of {found.data}, "
        f"unpruned {100 * found.baseline_accuracy:.2f} %",
        markup=False,
        style="dim",
    )
    if found.latency_provenance:
        console.print(
            f"latency {found.latency_provenance}, unpruned {number(found.baseline_latency_ms or 0)} ms; "
            "saved against the unpruned network timed beside; ~ dirty",
            markup=False,
            style="dim",
        )


def _table(found: Sensitivity) -> Table:
    drawn = Table(box=None, pad_edge=False, header_style="bold")
    drawn.add_column("unit")
    drawn.add_column("channels", justify="right")
    for fraction in found.fractions:
        drawn.add_column(f"points lost at {fraction:g}", justify="right")
    timed = found.latency_provenance is not None
    for fraction in found.fractions if timed else ():
        drawn.add_column(f"% saved at {fraction:g}", justify="right")
    for effects in found.by_unit():
        placed = cells(effects, found.fractions)
        lost = ["-" if one is None else points(one.accuracy_lost) for one in placed]
        saved = [
            "-"
            if one is None or one.latency_saved is None
            else f"{'~' if one.dirty else ''}{100 * one.latency_saved:.1f}"
            for one in placed
        ]
        drawn.add_row(effects[0].unit, str(effects[0].channels), *lost, *(saved if timed else ()))
    return drawn


def _draw(found: Sensitivity, path: Path, suffix: str) -> None:
    from search.export.sensitivity_figure import draw

    draw(found, path, suffix)


def _csv(found: Sensitivity, path: Path, suffix: str) -> None:
    rows = [{"data": found.data, **asdict(effect), "latency_provenance": found.latency_provenance or ""}
            for effects in found.by_unit() for effect in effects]  # fmt: skip
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def _json(found: Sensitivity, path: Path, suffix: str) -> None:
    path.write_text(json.dumps(found.as_dict(), indent=1))


_WRITERS: dict[str, Callable[[Sensitivity, Path, str], None]] = {
    ".png": _draw,
    ".svg": _draw,
    ".csv": _csv,
    ".json": _json,
}
