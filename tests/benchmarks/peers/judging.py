"""Judging: a store in which networks from anywhere are built, judged on validation and timed as a search's own are."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from evaluators.race import NO_RACE
from search.building.builders import Builders, built
from search.building.tasks import carry_out
from search.measuring.rig import Rig, open_rig, save_images, subject_of
from search.results.standings import standings
from search.running.data_choice import remember
from search.running.noted_bench import note_bench
from search.running.preparation import Prepared, have_baseline, prepare
from search.running.reference import References
from search.running.studies import goal_of, table_of
from search.running.training_speed import remember_speed, trainings
from search.running.view import View
from search.scoring.lead import Lead
from search.scoring.objectives import OBJECTIVES
from search.settings.settings import Settings
from search.store.goal import Goal
from search.store.store import Store
from search.store.writing import writing
from space.baseline import Baseline
from space.dimension import Choice, Dimension
from space.dimensions import network_in, runtimes_in
from space.errors import CandidateError
from space.formats.quantizations import NONE, QUANTIZATIONS
from space.formats.target import has_files
from space.recipe import Recipe
from space.training.speed import VIEWS, Trainings
from tests.benchmarks.peers.journal import Journal
from tests.benchmarks.peers.options import Options
from tests.benchmarks.peers.stopwatch import Stopwatch

# Seconds of exporting, judging and timing the files of one network beside its training, in the plan of a row.
BESIDE_S = 15.0
# The longest schedule that is tried: small networks gain next to nothing beyond.
_LONGEST = 200


@dataclass
class Judging:
    store: Store
    rig: Rig
    builders: Builders
    view: View
    watch: Stopwatch
    journal: Journal
    prepared: Prepared
    baseline: Baseline
    goal: Goal
    table: tuple[Dimension, ...]
    pace: Trainings
    seed: int

    @property
    def usual(self) -> Recipe:
        """What every network is trained with here, as a search does it; its shape is anything."""
        network = network_in(self.table)
        return Recipe(
            widths=tuple(unit.width for unit in network.units),
            halvings=network.halvings,
            learning_rate=network.peak_rate,
            distillation=0.9,
            input_form="raw",
            seed=self.seed,
        )

    def longest(self, recipe: Recipe, shares: int) -> Recipe | None:
        """The recipe, trained for as many epochs as end in one of so many equal shares of the time left, at least one;
        None where one does not end in the whole of it. Of the first training nobody is sure: the pace may have been
        measured beside other load, and it is begun in any case."""
        ratio = self._ratio
        taught = any(entry.get("train_s") for entry in self.journal.entries)
        left_s = self.watch.left_s - (0.0 if taught else ratio * self.pace.teacher_s(VIEWS))
        fitting = [
            epochs
            for epochs in range(1, _LONGEST + 1)
            if BESIDE_S + ratio * self.pace.seconds(recipe, epochs) <= left_s / shares
        ]
        least_s = BESIDE_S + ratio * self.pace.seconds(recipe, 1) if taught else 0.0
        if not fitting and least_s >= self.watch.left_s:
            return None
        return replace(recipe, epochs=max(fitting, default=1))

    @property
    def _ratio(self) -> float:
        """What trainings took over what was expected; the first of them worked the teacher's answers out."""
        timed = [entry for entry in self.journal.entries if entry.get("train_s")]
        expected_s = 0.0
        for place, entry in enumerate(timed):
            recipe = Recipe.from_values(entry["recipe"])
            expected_s += self.pace.seconds(recipe, recipe.epochs)
            expected_s += 0.0 if place else self.pace.teacher_s(recipe.epochs)
        return sum(entry["train_s"] for entry in timed) / expected_s if timed else 1.0

    def judge(self, number: int, recipe: Recipe) -> float:
        """Validation accuracy of the network's fp32 file; one that holds the line has its other files timed too."""
        share = 0.0
        for place, file in enumerate(self._files(recipe)):
            if self.store.evaluation(file.id, self.goal) is None:
                try:
                    self._evaluate(number, file, first=place == 0)
                except CandidateError as error:
                    self.store.add_failure(file.id, self.baseline.id, self.rig.bench.id, str(error))
                    self.view.say(f"{file.id}: {error}")
                    continue
            evaluation = self.store.evaluation(file.id, self.goal)
            assert evaluation is not None
            if place == 0:
                share = evaluation.validation.share
                if share < self.goal.least_accuracy:
                    break
        return share

    def _files(self, recipe: Recipe) -> Iterator[Recipe]:
        """The recipe in every runtime, in fp32 and in integers of fixed ranges: what finds ranges anew for each image
        takes longer than either, and is left out."""
        allowed = next(dimension.choices for dimension in self.table if isinstance(dimension, Choice)
                       if dimension.name == "quantization")  # fmt: skip
        wanted = (name for name, kind in QUANTIZATIONS.items() if name == NONE or kind.fixed_ranges)
        for quantization in wanted:
            for runtime in runtimes_in(self.table):
                if quantization in allowed and has_files(runtime, quantization):
                    yield replace(recipe, quantization=quantization, runtime=runtime)

    def _evaluate(self, number: int, recipe: Recipe, first: bool) -> None:
        ranking = standings(self.store, self.goal)
        source = self.prepared.source
        result = built(self.builders.submit(carry_out, recipe, self.store.folder, self.baseline, source))
        share = result.validation.share
        if first and "train_s" not in self.journal.entry(number):
            self.journal.note(number, train_s=result.candidate.seconds["train"])
        lead = Lead(OBJECTIVES["latency"], ranking.best, self.rig.least_w, self.rig.reference)
        race = lead.race(share) if share >= self.goal.least_accuracy else NO_RACE
        measured = self.rig.measure(subject_of(result.candidate), race).result()
        self.store.add_candidate(result.candidate, self.baseline.id, result.validation)
        self.store.add_measured(recipe.structure_id, self.rig.bench.id, measured)
        evaluation = self.store.evaluation(recipe.id, self.goal)
        assert evaluation is not None
        figures = evaluation.figures
        self.view.say(
            f"{self.watch.seconds:6.0f} s  {recipe.id} {recipe.runtime} {recipe.quantization}: {100 * share:.2f} % on "
            f"validation after {recipe.epochs} epochs, {1 / figures.relative_latency:.1f} x, "
            f"{'/'.join(map(str, filter(None, recipe.widths)))}"
        )


@contextmanager
def open_judging(options: Options, folder: Path, watch: Stopwatch) -> Iterator[Judging]:
    """Begins as a search does: images, device, the reference settled, the study noted."""
    chosen = options.settings(folder)
    view = View(0)
    with writing(folder) as store, ExitStack() as stack:
        prepared = prepare(chosen, store, view.say)
        pixels = prepared.data.validation.pixels
        images = save_images(folder / "images" / f"{prepared.data.fingerprint}-validation.npy", pixels)
        rig = stack.enter_context(open_rig(chosen.devices, images, view.say, (), dict(chosen.fixed).get("runtime")))
        builders = stack.enter_context(Builders(view.step))
        stack.enter_context(view)
        note_bench(store, rig)
        remember(store, prepared.source, chosen.architecture)
        baseline = have_baseline(prepared, store, builders, chosen, view)
        References(store, builders, rig, view, baseline, prepared.source).settle()
        goal = goal_of(chosen, prepared, baseline, rig)
        store.use_study(goal)
        pace = _pace(chosen, store, prepared)
        table = table_of(chosen, rig.cores, rig.runtimes)
        journal = Journal(folder / "journal.jsonl")
        yield Judging(store, rig, builders, view, watch, journal, prepared, baseline, goal, table, pace, options.seed)


def _pace(chosen: Settings, store: Store, prepared: Prepared) -> Trainings:
    pace = trainings(chosen, store, prepared.data)
    remember_speed(store)
    return pace
