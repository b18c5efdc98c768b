"""Workplace: what a run works with: the store, the boards, the builders, the baseline and the images."""

from collections.abc import Callable, Container, Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from evaluators.device.device import ProcessRun
from evaluators.measured import Measured, Subject
from evaluators.measurement import Figures
from evaluators.race import Race
from search.building.builders import Builders, built
from search.building.executor import Executor
from search.building.order import Order, OrderedImages
from search.building.tasks import Built, draft
from search.choosing.study import Study
from search.measuring.rig import Rig, runtime_of
from search.results.standings import standings
from search.running.busy import Busy
from search.running.reference import apart
from search.running.stages import Stage, Stages, Waiting
from search.running.view import View
from search.scoring.lead import Lead
from search.settings.keys import KEEP_ALL
from search.store.outlines import Outline
from search.store.store import Store
from space.baseline import Baseline
from space.data.images import Images
from space.data.sources import Source
from space.recipe import Recipe
from space.training.patience import Line

T = TypeVar("T")


@dataclass
class Workplace:
    store: Store
    rig: Rig
    # The executor trains and builds.
    executor: Executor
    # The drafter makes the files of untrained networks; another process than the builders' where those are training
    # meanwhile.
    drafter: Builders
    baseline: Baseline
    source: Source
    images: OrderedImages
    validation: Images
    view: View
    accelerator: str = "auto"
    # Which candidates' files stay.
    keep: str = KEEP_ALL
    # The places of training are the builders.
    training: Busy = field(default_factory=Busy)
    measuring: Busy = field(default_factory=Busy)
    # Seconds that a trial is expected to take beside its training and the meter.
    beside_s: float = 0.0

    def carry_out(self, recipe: Recipe, line: Line | None = None) -> Future[Built]:
        seen = self.store.last_change() if self.store.shared else 0
        training = self.executor.submit(self.order(recipe, line))

        def keep(result: Built) -> None:
            self.store.keep_candidate(result.candidate, self.baseline.id, result.validation, seen)

        if self.store.shared:
            _keep_result(training, keep)
        return self.training.until_done(training)

    def order(self, recipe: Recipe, line: Line | None = None) -> Order:
        return Order(recipe, self.baseline, self.images, self.accelerator, line)

    def draft(self, recipe: Recipe) -> Future[Path]:
        return self.drafter.submit(draft, recipe, self.store.folder, self.baseline, self.source)

    def measure(self, subject: Subject, race: Race, earlier: Sequence[ProcessRun] = ()) -> Future[Measured]:
        return self.measuring.until_done(self.rig.measure(subject, race, earlier))

    def lead(self, study: Study, told_ids: Container[str] | None = None) -> Lead:
        """The lead over what studies were told, or were told at another moment: what a trial on its way has found out
        already would make the lead hang on timing."""
        told_ids = self.told(study) if told_ids is None else told_ids
        best = standings(self.store, study.goal, among=told_ids).best
        return Lead(study.objective, best, self.rig.least_w, self.rig.reference)

    def told(self, study: Study) -> frozenset[str]:
        """Ids of the evaluated recipes that are not on their way any more."""
        evaluated = self.store.evaluations(study.goal.baseline_id, study.goal.bench_id)
        return frozenset(evaluated.keys() - study.in_flight)

    def structure(self, recipe: Recipe) -> Figures | None:
        """What is known of its latency, energy and memory on this bench."""
        return self.store.structure(recipe.structure_id, self.rig.bench.id)

    def earlier_runs(self, recipe: Recipe) -> list[ProcessRun]:
        """Processes of the same structure that count with further ones: not those of another speed of the machine. A
        recording's are all of their own hours."""
        reference = None if self.rig.device.recorded else self.rig.reference
        return [
            run
            for run in self.store.runs(recipe.structure_id, self.rig.bench.id)
            if reference is None or run.reference_s is None or not apart(run.reference_s, reference)
        ]

    def drafted(self, recipe: Recipe, lead: Lead) -> Stages[Figures]:
        """The structure's figures, measured before anything is trained."""
        drafting = self.draft(recipe)
        yield Waiting(Stage.DRAFTING, drafting)
        path = built(drafting)
        subject = Subject(recipe.structure_id, path, runtime_of(recipe))
        yield from self.measured(recipe, subject, lead.look, Stage.TIMING)
        path.unlink(missing_ok=True)
        figures = self.structure(recipe)
        assert figures is not None
        return figures

    def measured(
        self, recipe: Recipe, subject: Subject, race: Race, stage: Stage, earlier: Sequence[ProcessRun] = ()
    ) -> Stages[None]:
        """Measured and kept; clean figures are not replaced by disturbed ones."""
        structure_id, bench_id = recipe.structure_id, self.rig.bench.id
        begun = self.store.begun(bench_id, self.baseline.id) if self.store.shared else None
        outline = Outline.of(recipe, self.validation.shape) if stage is Stage.TIMING else None
        measuring = self.measure(subject, race, earlier)
        if begun is not None:
            _keep_result(
                measuring, lambda result: self.store.keep_measured(structure_id, bench_id, result, begun, outline)
            )
        yield Waiting(stage, measuring)
        measured = measuring.result()
        known = self.structure(recipe)
        if measured.figures.dirty and known is not None and not known.dirty:
            self.view.warn(f"{recipe.id}: disturbed ({measured.figures.dirty[0]}); its earlier, clean figures stay")
            self.store.drop_measured(structure_id, bench_id)
            return
        self.store.add_measured(structure_id, bench_id, measured, outline)


def _keep_result(task: Future[T], keep: Callable[[T], None]) -> None:
    """Keeps a result on disk as soon as it is there, whatever keeps it from the database. One that is kept after it was
    told is told apart by whoever reads it."""

    def ended(task: Future[T]) -> None:
        if not task.cancelled() and task.exception() is None:
            # Where the disk is full the run says so.
            with suppress(OSError):
                keep(task.result())

    task.add_done_callback(ended)
