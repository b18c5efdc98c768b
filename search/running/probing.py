"""Probing: each unit alone pruned, built and timed; what the store lacks is made and kept as soon as it is known."""

import time
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass

from evaluators.measurement import Accuracy, Figures
from evaluators.race import FRONT
from search.analysis.sensitivity import Effect, Probe, Sensitivity, effect_of, points, probes
from search.building.builders import Builders, built
from search.building.tasks import Built, carry_out
from search.measuring.rig import Rig, open_rig, save_images, subject_of
from search.results.wording import data_name
from search.running.data_choice import remember
from search.running.noted_bench import note_bench
from search.running.preparation import have_baseline, prepare
from search.running.reference import References
from search.running.view import BUILDER, View
from search.settings.durations import spoken
from search.settings.settings import Settings
from search.store.store import Store
from space.baseline import Baseline, baseline_recipe
from space.data.sources import Source
from space.errors import CandidateError
from space.networks.choose import network_of


@dataclass(frozen=True, slots=True)
class Question:
    """What `sensitivity` was asked for."""

    fractions: Sequence[float]
    units: Sequence[int]
    criterion: str
    # Whether latencies are measured too.
    timed: bool


def sensitivity_of(question: Question, chosen: Settings, store: Store, view: View) -> Sensitivity:
    prepared = prepare(chosen, store, view.say)
    data = prepared.data
    images = save_images(store.folder / "images" / f"{data.fingerprint}-validation.npy", data.validation.pixels)
    with ExitStack() as stack:
        rig = None
        if question.timed:
            # Latency alone is asked for: no meter.
            rig = stack.enter_context(open_rig(chosen.devices, images, view.warn, place=view.place))
        builder = stack.enter_context(Builders(view.place(BUILDER)))
        stack.enter_context(view)
        remember(store, prepared.source, chosen.architecture)
        baseline = have_baseline(prepared, store, builder, chosen, view)
        if rig:
            note_bench(store, rig)
            reference = References(store, builder, rig, view, baseline, prepared.source).settle()
        else:
            reference = _unpruned(store, builder, baseline, prepared.source, chosen.accelerator)
        recipe = reference.candidate.recipe
        probing = Probing(store, rig, builder, baseline, prepared.source, view, chosen.accelerator)
        asked = probes(question.fractions, question.criterion, recipe, question.units)
        effects = tuple(probing.effects(asked, reference.validation))
        figures = store.structure(recipe.structure_id, rig.bench.id) if rig else None
    if not effects:
        raise CandidateError("no unit could be pruned and looked at; the lines above say why")
    return Sensitivity(
        data=data_name(data.name),
        criterion=question.criterion,
        baseline_id=baseline.id,
        baseline_accuracy=reference.validation.share,
        images=len(data.validation),
        latency_provenance=str(figures.latency_provenance) if figures else None,
        baseline_latency_ms=1e3 * figures.latency_s if figures else None,
        effects=effects,
    )


def _unpruned(store: Store, builder: Builders, baseline: Baseline, source: Source, accelerator: str) -> Built:
    recipe = baseline_recipe(baseline.architecture)
    known = store.candidate(recipe.id, baseline.id)
    if known:
        return Built(*known)
    unpruned = built(builder.submit(carry_out, recipe, store.folder, baseline, source, accelerator))
    store.add_candidate(unpruned.candidate, baseline.id, unpruned.validation)
    return unpruned


@dataclass
class Probing:
    store: Store
    # None: nothing is timed.
    rig: Rig | None
    builder: Builders
    baseline: Baseline
    source: Source
    view: View
    accelerator: str

    def effects(self, asked: Sequence[Probe], reference: Accuracy) -> Iterator[Effect]:
        """The effects, those that are known first."""
        begun, looked_at = time.monotonic(), 0
        unknown = [probe for probe in asked if self._known(probe) is None]
        for probe in asked:
            known = self._known(probe)
            if known:
                self.view.advance()
                yield effect_of(probe, known[0], reference, known[1])
        for probe, building in self._building(unknown):
            self.view.begin(f"{_name(probe)}: ")
            looked_at += 1
            try:
                validation, figures = self._measured(probe, built(building))
            except CandidateError as error:
                self.view.advance(f"{_name(probe)} failed: {error}")
                continue
            effect = effect_of(probe, validation, reference, figures)
            left_s = (time.monotonic() - begun) / looked_at * (len(unknown) - looked_at)
            self.view.advance(f"{_line(effect)}  {f'{spoken(left_s)} left' if left_s else ''}")
            yield effect

    def _known(self, probe: Probe) -> tuple[Accuracy, Figures | None] | None:
        known = self.store.candidate(probe.recipe.id, self.baseline.id)
        figures = self.store.structure(probe.recipe.structure_id, self.rig.bench.id) if self.rig else None
        return (known[1], figures) if known and (figures or not self.rig) else None

    def _building(self, unknown: Sequence[Probe]) -> Iterator[tuple[Probe, Future[Built]]]:
        """Probes on their way, one ahead of what is measured, unless that is on this machine."""
        ahead = int(self.rig is None or not self.rig.on_this_machine)
        flights: deque[tuple[Probe, Future[Built]]] = deque()
        for probe in unknown:
            task = self.builder.submit(
                carry_out, probe.recipe, self.store.folder, self.baseline, self.source, self.accelerator
            )
            flights.append((probe, task))
            if len(flights) > ahead:
                yield flights.popleft()
        yield from flights

    def _measured(self, probe: Probe, pruned: Built) -> tuple[Accuracy, Figures | None]:
        self.store.add_candidate(pruned.candidate, self.baseline.id, pruned.validation)
        if self.rig is None:
            return pruned.validation, None
        structure_id, bench_id = probe.recipe.structure_id, self.rig.bench.id
        figures = self.store.structure(structure_id, bench_id)
        if figures is None:
            measured = self.rig.measure(subject_of(pruned.candidate), FRONT).result()
            figures = measured.figures
            self.store.add_measured(structure_id, bench_id, measured)
        return pruned.validation, figures


def _name(probe: Probe) -> str:
    return f"{network_of(probe.recipe).units[probe.unit].name} {100 * probe.fraction:g} %"


def _line(effect: Effect) -> str:
    saved = "" if effect.latency_saved is None else f", {100 * effect.latency_saved:.1f} % latency saved"
    saved += " (dirty)" if effect.dirty else ""
    return f"{effect.unit} {100 * effect.fraction:g} % pruned: {points(effect.accuracy_lost)} points lost{saved}"
