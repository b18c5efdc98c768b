"""Pipeline: ask, build, measure, store, tell; building and measuring overlap unless they share a machine."""

import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from itertools import cycle
from typing import Any

from evaluators.evaluate import FRONT, NO_RACE, Measured, Race
from evaluators.measurement import Figures
from search.agreement import compare_once
from search.builder import Builder, built
from search.building import Built, carry_out
from search.evaluation import Evaluation
from search.ranking import feasible
from search.rig import Rig
from search.samplers import SpaceExhausted
from search.standings import Standings, standings
from search.store import Store
from search.study import Asked, Study
from search.view import View
from search.words import figure, gain, number
from space.baseline import Baseline
from space.datasets import Source
from space.errors import CandidateError
from space.images import Images
from space.patience import Line
from space.recipe import Recipe

# A candidate this close to the lead, or ahead of it, is measured in three processes.
NEAR = 1.05


@dataclass
class _Flight:
    """A trial on its way: first built, then measured."""

    asked: Asked
    begun: float
    building: Future[Built]
    measuring: Future[Measured] | None = None

    @property
    def waits_for(self) -> Future[Any]:
        return self.measuring or self.building


@dataclass
class Pipeline:
    studies: Sequence[Study]
    store: Store
    rig: Rig
    builder: Builder
    baseline: Baseline
    source: Source
    validation: Images
    view: View
    accelerator: str = "auto"

    def run(self, trials: int, deadline: float) -> int:
        """How many trials came to an end; those in flight when it stops early are asked for first next time."""
        # Where trainer and device are one machine, nothing is built while something is timed.
        places = 1 if self.rig.on_this_machine else 1 + self.rig.boards
        turns = cycle(self.studies)
        flights: list[_Flight] = []
        begun = ended = 0
        try:
            while True:
                while len(flights) < places and begun < trials and (begun == 0 or time.monotonic() < deadline):
                    try:
                        flights.append(self._begin(next(turns)))
                    except SpaceExhausted as exhausted:
                        self.view.say(str(exhausted))
                        trials = begun
                        break
                    begun += 1
                if not flights:
                    return ended
                wait([flight.waits_for for flight in flights], return_when=FIRST_COMPLETED)
                for flight in list(flights):
                    # Trials end in the order in which they were asked for: what an ask knows does not hang on timing.
                    turn = flight is flights[0] or flight.measuring is None
                    if turn and flight.waits_for.done() and self._advance(flight):
                        flights.remove(flight)
                        ended += 1
        finally:
            for flight in flights:
                flight.waits_for.cancel()
                flight.asked.study.give_up(flight.asked.number)

    def measure_again(self, dirty: Sequence[Evaluation], deadline: float) -> None:
        """Whatever is clean now takes the place of what was not; Optuna keeps what it was told."""
        for place, one in enumerate(dirty):
            if time.monotonic() > deadline:
                self.view.say(f"timed dirty and not measured again yet, for want of time: {len(dirty) - place}")
                return
            self.view.begin(f"{one.recipe_id} again: ")
            try:
                made = built(self._carry_out(one.candidate.recipe))
                measured = self.rig.measure(made.candidate, FRONT, self.view.step).result()
            except CandidateError as error:
                self.view.say(f"{one.recipe_id} could not be measured again: {error}")
                continue
            if measured.figures.dirty:
                self.view.say(f"{one.recipe_id} measured again, dirty again: {measured.figures.dirty[0]}")
            else:
                self._keep(one.candidate.recipe, measured)
                self.view.say(f"{one.recipe_id} measured again: {number(1e3 * measured.figures.latency_s)} ms, clean")

    def _begin(self, study: Study) -> _Flight:
        self.view.step(f"choosing the next recipe ({study.goal.objective})", 0)
        asked = study.ask()
        self.view.begin(f"trial {asked.number} {asked.recipe.id}: ")
        # A row of a grid says what all its epochs brought, also below the line.
        line = None if study.goal.grid else Line(study.goal.least_accuracy)
        return _Flight(asked, time.monotonic(), self._carry_out(asked.recipe, line))

    def _carry_out(self, recipe: Recipe, line: Line | None = None) -> Future[Built]:
        return self.builder.submit(
            carry_out, recipe, self.store.folder, self.baseline, self.source, self.accelerator, line
        )

    def _keep(self, recipe: Recipe, measured: Measured) -> None:
        bench_id = self.rig.bench.id
        self.store.add_structure(recipe.structure_id, bench_id, measured.figures, measured.raw)
        self.store.add_traces(recipe.structure_id, bench_id, measured.traces)

    def _advance(self, flight: _Flight) -> bool:
        """One step on; true where the trial has ended."""
        goal, recipe = flight.asked.study.goal, flight.asked.recipe
        try:
            if flight.measuring is None:
                made = built(flight.building)
                self.store.add_candidate(made.candidate, goal.baseline_id, made.validation)
                for warning in made.candidate.warnings:
                    self.view.say(f"WARNING: {warning}")
                if self.store.structure(recipe.structure_id, goal.bench_id) is None:
                    race = self._race(flight.asked.study, made)
                    flight.measuring = self.rig.measure(made.candidate, race, self.view.step)
                    return False
            else:
                measured = flight.measuring.result()
                self._keep(recipe, measured)
                compare_once(flight.building.result().candidate, self.validation, self.store, self.rig, self.view)
        except CandidateError as error:
            self.store.add_failure(recipe.id, goal.baseline_id, goal.bench_id, str(error))
            flight.asked.study.tell_failure(flight.asked.number, str(error))
            self.view.finished(f"trial {flight.asked.number} {recipe.id} failed: {error}", {})
            return True
        evaluation = self.store.evaluation(recipe.id, goal)
        assert evaluation is not None
        flight.asked.study.tell(flight.asked.number, evaluation)
        for study in self.studies:
            study.absorb([evaluation])
        self._show(flight, evaluation)
        return True

    def _race(self, study: Study, made: Built) -> Race:
        """What the lead asks of this candidate; of a grid every row is measured as a leader is."""
        goal, objective, share = study.goal, study.objective, made.validation.share
        if goal.grid:
            return FRONT
        best = standings(self.store, goal).best
        if share < goal.least_accuracy:
            return NO_RACE
        if best is None:
            return FRONT
        lead = objective.value(best)
        # The lead, a little behind.
        mark = lead / NEAR if objective.maximise else lead * NEAR

        def near(figures: Figures) -> bool:
            figure = objective.figure(share, figures)
            return figure == mark or objective.better(figure, mark)

        least_w = self.rig.least_w
        return Race(near, None if least_w is None else objective.slowest_s(mark, share, least_w))

    def _show(self, flight: _Flight, evaluation: Evaluation) -> None:
        now = {study.objective.name: standings(self.store, study.goal) for study in self.studies}
        study = flight.asked.study
        seconds = time.monotonic() - flight.begun
        self.view.finished(trial_line(flight.asked.number, evaluation, now[study.objective.name], seconds), now)


def trial_line(trial: int, evaluation: Evaluation, now: Standings, seconds: float) -> str:
    """One trial in one line."""
    goal = now.goal
    row = now.row(evaluation)
    parts = [
        f"trial {trial:3}",
        evaluation.recipe_id,
        f"{100 * evaluation.validation.share:5.2f} % validation",
        f"{number(row.latency_ms)} ms",
        figure(row, goal.objective) if goal.objective != "latency" else "",
        gain(row, goal.objective),
        f"{seconds:.0f} s",
    ]
    if not feasible(evaluation, goal):
        parts.append(f"below {100 * goal.least_accuracy:.2f} %")
    elif evaluation.current.dirty:
        parts.append(f"dirty: {evaluation.current.dirty[0]}")
    elif now.best and now.best.recipe_id == evaluation.recipe_id:
        parts.append("leads")
    return "  ".join(part for part in parts if part)
