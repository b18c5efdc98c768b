"""Remeasuring: what was measured badly, without a meter, or at another speed of the machine is measured once more."""

import math
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from evaluators.measured import Measured
from evaluators.race import FRONT
from search.building.builders import built
from search.choosing.study import Study
from search.measuring.rig import subject_of
from search.results.standings import standings
from search.results.unmetered import contenders
from search.results.wording import number
from search.running.rebuilding import file_of_another
from search.running.reference import moved, moved_at_most
from search.running.stages import Stage, Stages, Waiting
from search.running.view import View
from search.running.workplace import Workplace
from search.store.evaluation import Evaluation
from search.store.goal import Goal
from search.store.store import Store
from search.store.whose_file import built_elsewhere
from space.candidate import Candidate, is_whole
from space.errors import CandidateError


def measured_before(store: Store, goals: Sequence[Goal]) -> list[Evaluation]:
    """What was timed with another version of its runtime: one evaluation of each structure, the best-looking first."""
    (pool,) = {(goal.baseline_id, goal.bench_id) for goal in goals}
    outdated = sorted(store.outdated(*pool), key=lambda evaluation: evaluation.figures.relative_latency)
    once = {evaluation.candidate.recipe.structure_id: evaluation for evaluation in reversed(outdated)}
    return list(reversed(once.values()))


def measured_dirty(store: Store, goals: Iterable[Goal]) -> list[Evaluation]:
    """What was only timed beside other load: one evaluation of each structure, in a grid of every row, in a search that
    nothing leads of every row that could lead."""
    dirty: dict[str, Evaluation] = {}
    for goal in goals:
        ranking = standings(store, goal)
        for evaluation in ranking.ranked:
            could_lead = ranking.best is None and ranking.row(evaluation).feasible and not evaluation.gated
            if evaluation.figures.dirty and (goal.grid or could_lead):
                dirty.setdefault(evaluation.structure_id, evaluation)
    return list(dirty.values())


def measure_again(dirty: Sequence[Evaluation], work: Workplace, deadline: float) -> None:
    """Whatever is clean now takes the place of what was not; Optuna keeps what it was told."""
    for place, evaluation in enumerate(dirty):
        if time.monotonic() > deadline:
            work.view.warn(f"timed dirty and not measured again yet, for want of time: {len(dirty) - place}")
            return
        work.view.begin(f"{evaluation.recipe_id} again: ")
        try:
            work.rig.check_runs(evaluation.candidate.recipe)
            measured = work.measure(subject_of(_with_file(evaluation, work)), FRONT).result()
        except CandidateError as error:
            work.view.warn(f"{evaluation.recipe_id} could not be measured again: {error}")
            continue
        if measured.figures.dirty:
            work.view.warn(f"{evaluation.recipe_id} measured again, dirty again: {measured.figures.dirty[0]}")
        else:
            work.store.add_measured(evaluation.structure_id, work.rig.bench.id, measured)
            latency_ms = 1e3 * measured.figures.latency_s
            work.view.say(f"{evaluation.recipe_id} measured again: {number(latency_ms)} ms, clean")


@dataclass
class Metering:
    """Whoever is predicted to come near a lead gets its minute of meter, the best-looking first, until nobody is left;
    where time runs out, the results say who was not metered."""

    store: Store
    bench_id: str
    view: View
    # Seconds that a candidate takes at the meter; without a meter nothing, and nobody is metered.
    metering_s: float
    # This measures the file of an evaluation, which may have to be built again.
    measured: Callable[[Evaluation], Measured]

    def meter_contenders(self, goals: Sequence[Goal], deadline: float = math.inf) -> None:
        longest_s = self.metering_s
        if not longest_s:
            return
        tried: set[str] = set()
        while waiting := self._waiting(goals, tried):
            begun = time.monotonic()
            if begun + longest_s > deadline:
                return
            tried.add(waiting[0].structure_id)
            self._meter(waiting[0])
            longest_s = max(longest_s, time.monotonic() - begun)

    def _waiting(self, goals: Sequence[Goal], tried: set[str]) -> list[Evaluation]:
        return [
            evaluation
            for goal in goals
            for evaluation in contenders(standings(self.store, goal))
            if evaluation.structure_id not in tried
        ]

    def _meter(self, evaluation: Evaluation) -> None:
        self.view.begin(f"{evaluation.recipe_id} metered: ")
        try:
            measured = self.measured(evaluation)
        except CandidateError as error:
            self.view.warn(f"{evaluation.recipe_id} could not be metered: {error}")
            return
        if measured.figures.dirty:
            self.view.warn(f"{evaluation.recipe_id} metered, but dirty, and so not kept: {measured.figures.dirty[0]}")
            return
        self.store.add_measured(evaluation.structure_id, self.bench_id, measured)
        self.view.say(
            f"{evaluation.recipe_id} metered, because it may lead: {number(1e3 * measured.figures.energy_j)} mJ, "
            f"predicted were {number(1e3 * evaluation.figures.energy_j)} mJ"
        )


def metering_at(work: Workplace) -> Metering:
    def measured(evaluation: Evaluation) -> Measured:
        recipe = evaluation.candidate.recipe
        work.rig.check_runs(recipe)
        return work.measure(subject_of(_with_file(evaluation, work)), FRONT, work.earlier_runs(recipe)).result()

    return Metering(work.store, work.rig.bench.id, work.view, work.rig.metering_s, measured)


def _with_file(evaluation: Evaluation, work: Workplace) -> Candidate:
    """Built again where its file is gone, unless another controller of the study trained it."""
    candidate = evaluation.candidate
    if built_elsewhere(work.store, candidate, work.baseline.id):
        return file_of_another(work.store, candidate, work.baseline.id)
    return built(work.carry_out(candidate.recipe)).candidate


def follow_reference(study: Study, work: Workplace) -> Stages[None]:
    """Where the reference has moved by more than its interval since the leader was timed, networks may have moved by
    another ratio: the leader is timed again, and so are those that this study gated within reach of it."""
    best, reference = work.lead(study).evaluation, work.rig.reference
    if best is None or reference is None or best.confirmed or study.goal.grid or work.rig.device.recorded:
        return
    if not moved(best.figures, reference) or not is_whole(best.candidate):
        return
    if not work.rig.runs(best.candidate.recipe):
        return
    work.view.say(
        f"the reference takes {number(1e3 * reference.latency_s)} ms now, and took "
        f"{number(1e3 * (best.figures.reference_latency_s or 0))} ms beside {best.recipe_id}: timed again"
    )
    try:
        measuring = work.measure(subject_of(best.candidate), FRONT)
        yield Waiting(Stage.FOLLOWING, measuring)
        measured = measuring.result()
    except CandidateError as error:
        # The fault is the leader's, and not that of the recipe whose turn it is.
        work.view.warn(f"{best.recipe_id} could not be timed again: {error}")
        return
    if not measured.figures.dirty:
        work.store.add_measured(best.structure_id, work.rig.bench.id, measured)
    lead = work.lead(study)
    for gated in study.gated():
        figures = work.structure(gated.recipe)
        if figures and moved(figures, reference) and lead.could_lead(moved_at_most(figures, reference)):
            try:
                figures = yield from work.drafted(gated.recipe, lead)
            except CandidateError as error:
                work.view.warn(f"{gated.recipe.id} could not be timed again: {error}")
                continue
            if not figures.dirty and lead.could_lead(figures):
                study.ask_again(gated)
