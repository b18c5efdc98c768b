"""Pipeline: ask, measure, gate, train, race, tell; training and measuring overlap unless they share a machine."""

import time
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from typing import Any

from evaluators.device.device import ProcessRun
from evaluators.evaluate import FRONT, PROCESSES, Race, Subject
from evaluators.measurement import Figures
from evaluators.provenance import Kind
from search.building.child import Builder, built
from search.building.tasks import Built, carry_out, draft
from search.choosing.forecast import held_out
from search.choosing.samplers import SpaceExhausted
from search.choosing.study import Asked, Study
from search.choosing.turns import Turns
from search.measuring.rig import Rig, runtime_of, subject_of
from search.results.standings import Standings, standings
from search.results.unmetered import contenders
from search.results.wording import figure, gain, number
from search.running.agreement import compare_once
from search.running.busy import Busy
from search.running.reference import apart, moved, moved_at_most
from search.running.view import View
from search.scoring.lead import Lead
from search.scoring.ranking import feasible
from search.settings.durations import spoken
from search.store.evaluation import Evaluation
from search.store.store import Store
from space.baseline import Baseline
from space.data.images import Images
from space.data.sources import Source
from space.errors import CandidateError
from space.recipe import Recipe
from space.training.patience import Line

# At most so many times as many trials as usual are on their way.
_MOST = 3
# What a trial waits for, one after the other; None: that all which were asked for before it have ended.
_Steps = Iterator[Future[Any] | None]


@dataclass
class _Flight:
    """A trial on its way."""

    asked: Asked
    steps: _Steps
    # Its structure was timed before.
    known: bool
    begun: float
    waits_for: Future[Any] | None = None


@dataclass
class Pipeline:
    studies: Sequence[Study]
    store: Store
    rig: Rig
    builder: Builder
    # Makes the files of untrained networks; another process than the builder where that is training meanwhile.
    drafter: Builder
    baseline: Baseline
    source: Source
    validation: Images
    view: View
    accelerator: str = "auto"
    training: Busy = field(default_factory=Busy)
    measuring: Busy = field(default_factory=Busy)
    asking: Busy = field(default_factory=Busy)

    def run(self, trials: int, deadline: float) -> int:
        """How many trials came to an end; those in flight when it stops early are asked for first next time."""
        turns = Turns(self.studies, self.view.say)
        flights: list[_Flight] = []
        begun = ended = 0
        started = time.monotonic()
        try:
            while True:
                # With no time left either, the first ask says how much it would take.
                while begun < trials and (begun == 0 or time.monotonic() < deadline):
                    if len(flights) >= self._room(flights) or not (study := turns.next()):
                        break
                    try:
                        flights.append(self._begin(study, flights))
                        begun += 1
                    except SpaceExhausted as exhausted:
                        (turns.pause if flights else turns.drop)(study, str(exhausted))
                if not flights:
                    if begun < trials and time.monotonic() < deadline and turns.resume():
                        continue
                    turns.end()
                    break
                if flights[0].waits_for:
                    wait([flight.waits_for for flight in flights if flight.waits_for], return_when=FIRST_COMPLETED)
                for flight in list(flights):
                    # Trials end in the order in which they were asked for: what an ask knows does not hang on timing.
                    ready = flight.waits_for.done() if flight.waits_for else flight is flights[0]
                    if ready and self._advance(flight):
                        flights.remove(flight)
                        ended += 1
        finally:
            for flight in flights:
                if flight.waits_for:
                    flight.waits_for.cancel()
            for study in self.studies:
                study.give_up_all()
        self._say_idle(time.monotonic() - started, ended)
        return ended

    def measure_again(self, dirty: Sequence[Evaluation], deadline: float) -> None:
        """Whatever is clean now takes the place of what was not; Optuna keeps what it was told."""
        for place, one in enumerate(dirty):
            if time.monotonic() > deadline:
                self.view.say(f"timed dirty and not measured again yet, for want of time: {len(dirty) - place}")
                return
            self.view.begin(f"{one.recipe_id} again: ")
            try:
                made = built(self._carry_out(one.candidate.recipe))
                measured = self.rig.measure(subject_of(made.candidate), FRONT, self.view.step).result()
            except CandidateError as error:
                self.view.say(f"{one.recipe_id} could not be measured again: {error}")
                continue
            if measured.figures.dirty:
                self.view.say(f"{one.recipe_id} measured again, dirty again: {measured.figures.dirty[0]}")
            else:
                self.store.add_measured(one.candidate.recipe.structure_id, self.rig.bench.id, measured)
                self.view.say(f"{one.recipe_id} measured again: {number(1e3 * measured.figures.latency_s)} ms, clean")

    def meter_contenders(self, deadline: float) -> None:
        """Whoever is predicted to come near a lead gets its minute of meter, the best-looking first, until nobody is
        left; where time runs out, the results say who was not metered."""
        longest_s = self.rig.metering_s
        if not longest_s:
            return
        tried: set[str] = set()
        while waiting := self._contenders(tried):
            begun = time.monotonic()
            if begun + longest_s > deadline:
                return
            tried.add(waiting[0].candidate.recipe.structure_id)
            self._meter(waiting[0])
            longest_s = max(longest_s, time.monotonic() - begun)

    def _contenders(self, tried: set[str]) -> list[Evaluation]:
        return [
            one
            for study in self.studies
            for one in contenders(standings(self.store, study.goal))
            if one.candidate.recipe.structure_id not in tried
        ]

    def _meter(self, one: Evaluation) -> None:
        structure_id = one.candidate.recipe.structure_id
        self.view.begin(f"{one.recipe_id} metered: ")
        try:
            made = built(self._carry_out(one.candidate.recipe))
            earlier = self._earlier(one.candidate.recipe)
            task = self.rig.measure(subject_of(made.candidate), FRONT, self.view.step, earlier)
            measured = self.measuring.until_done(task).result()
        except CandidateError as error:
            self.view.say(f"{one.recipe_id} could not be metered: {error}")
            return
        if measured.figures.dirty:
            self.view.say(f"{one.recipe_id} metered, but dirty, and so not kept: {measured.figures.dirty[0]}")
            return
        self.store.add_measured(structure_id, self.rig.bench.id, measured)
        self.view.say(
            f"{one.recipe_id} metered, because it may lead: {number(1e3 * measured.figures.energy_j)} mJ, predicted "
            f"were {number(1e3 * one.figures.energy_j)} mJ"
        )

    def _room(self, flights: Sequence[_Flight]) -> int:
        """How many trials may be on their way; how long they take is no matter: the same are asked for."""
        if self.rig.on_this_machine:
            # Nothing is built while something is timed.
            return 1
        # One is trained, one waits for the trainer, each board has one; those whose structure is known need no board.
        places = 2 + self.rig.boards
        return min(places + sum(flight.known for flight in flights), _MOST * places)

    def _begin(self, study: Study, flights: Sequence[_Flight]) -> _Flight:
        self.view.step(f"choosing the next recipe ({study.goal.objective})", 0)
        with self.asking:
            asked = study.ask(_queued_s(flights))
        self.view.begin(f"{self._name(asked)} {asked.recipe.id}: ")
        # What one that is on its way may just have found out does not count.
        structure_id = asked.recipe.structure_id
        known = self.store.structure(structure_id, study.goal.bench_id) is not None and all(
            flight.asked.recipe.structure_id != structure_id for flight in flights
        )
        flight = _Flight(asked, self._steps(asked), known, time.monotonic())
        self._advance(flight)
        return flight

    def _carry_out(self, recipe: Recipe, line: Line | None = None) -> Future[Built]:
        return self.training.until_done(
            self.builder.submit(
                carry_out, recipe, self.store.folder, self.baseline, self.source, self.accelerator, line
            )
        )

    def _advance(self, flight: _Flight) -> bool:
        """One step on; true where the trial has ended."""
        asked = flight.asked
        study, recipe = asked.study, asked.recipe
        try:
            flight.waits_for = next(flight.steps)
        except StopIteration:
            return True
        except CandidateError as error:
            self.store.add_failure(recipe.id, study.goal.baseline_id, study.goal.bench_id, str(error))
            study.tell_failure(asked.number, str(error))
            self.view.finished(f"{self._name(asked)} {recipe.id} failed: {error}", {})
            return True
        return False

    def _steps(self, asked: Asked) -> _Steps:
        begun = time.monotonic()
        study, recipe, goal = asked.study, asked.recipe, asked.study.goal
        yield from self._follow_reference(study)
        # As it is when the trial begins: whether it is trained does not hang on timing either.
        lead = self._lead(study)
        if not goal.grid:
            figures = self.store.structure(recipe.structure_id, goal.bench_id)
            if figures is None:
                figures = yield from self._drafted(asked, lead)
            if not figures.dirty and not lead.near(1.0, figures):
                assert lead.evaluation
                yield None
                self._gate(asked, figures, f"behind {lead.evaluation.recipe_id} were every answer right")
                return
        making = self._carry_out(recipe, Line(goal.least_accuracy) if study.gives_up(recipe) else None)
        yield making
        made = built(making)
        self.store.add_candidate(made.candidate, goal.baseline_id, made.validation)
        for warning in made.candidate.warnings:
            self.view.say(f"WARNING: {warning}")
        race = self._race(study, made)
        if race is not None:
            yield from self._measured(asked, subject_of(made.candidate), race, self._earlier(recipe))
            compare_once(made.candidate, self.validation, self.store, self.rig, self.view)
        yield None
        evaluation = self.store.evaluation(recipe.id, goal)
        assert evaluation is not None
        study.tell(asked.number, evaluation)
        for other in self.studies:
            other.absorb([evaluation])
        self._show(asked, evaluation, time.monotonic() - begun)

    def _gate(self, asked: Asked, figures: Figures, reason: str) -> None:
        """For this study, and for those whose lead it could not reach either; the others may ask for it."""
        asked.study.tell_gated(asked.number, figures, reason)
        for other in self.studies:
            if other is not asked.study and not self._lead(other).near(1.0, figures):
                other.absorb_gated(asked.recipe, figures, reason)
        self.view.finished(gated_line(self._name(asked, 3), asked.recipe.id, figures), {})

    def _name(self, asked: Asked, width: int = 0) -> str:
        """Of a trial; its number alone would be several trials' where there are several studies."""
        trial = f"trial {asked.number:{width}}"
        return trial if len(self.studies) == 1 else f"{asked.study.goal.objective} {trial}"

    def _drafted(self, asked: Asked, lead: Lead) -> Generator[Future[Any], None, Figures]:
        """The structure's figures, measured before anything is trained."""
        study, recipe = asked.study, asked.recipe
        drafting = self.drafter.submit(draft, recipe, self.store.folder, self.baseline, self.source)
        yield drafting
        path = built(drafting)
        subject = Subject(recipe.structure_id, path, runtime_of(recipe))
        yield from self._measured(asked, subject, lead.look)
        path.unlink(missing_ok=True)
        figures = self.store.structure(recipe.structure_id, study.goal.bench_id)
        assert figures is not None
        return figures

    def _follow_reference(self, study: Study) -> _Steps:
        """Where the reference has moved by more than its interval since the leader was timed, networks may have moved
        by another ratio: the leader is timed again, and so are those that this study gated within reach of it."""
        best, reference = standings(self.store, study.goal).best, self.rig.reference
        if best is None or reference is None or best.confirmed or study.goal.grid or self.rig.device.recorded:
            return
        if not moved(best.figures, reference) or not best.candidate.onnx.is_file():
            return
        self.view.say(
            f"the reference takes {number(1e3 * reference.latency_s)} ms now, and took "
            f"{number(1e3 * (best.figures.reference_latency_s or 0))} ms beside {best.recipe_id}: timed again"
        )
        try:
            task = self.rig.measure(subject_of(best.candidate), FRONT, self.view.step)
            yield self.measuring.until_done(task)
            measured = task.result()
        except CandidateError as error:
            # It is the leader's, and no fault of the recipe whose turn it is.
            self.view.say(f"{best.recipe_id} could not be timed again: {error}")
            return
        if not measured.figures.dirty:
            self.store.add_measured(best.candidate.recipe.structure_id, self.rig.bench.id, measured)
        lead = self._lead(study)
        for gated in study.gated():
            figures = self.store.structure(gated.recipe.structure_id, study.goal.bench_id)
            if figures and moved(figures, reference) and lead.near(1.0, moved_at_most(figures, reference)):
                try:
                    figures = yield from self._drafted(gated, lead)
                except CandidateError as error:
                    self.view.say(f"{gated.recipe.id} could not be timed again: {error}")
                    continue
                if not figures.dirty and lead.near(1.0, figures):
                    study.ask_again(gated)

    def _earlier(self, recipe: Recipe) -> Sequence[ProcessRun]:
        """Processes of the same structure that count with further ones: not those of another speed of the machine."""
        reference = self.rig.reference
        return [
            run
            for run in self.store.runs(recipe.structure_id, self.rig.bench.id)
            if reference is None or run.reference_s is None or not apart(run.reference_s, reference)
        ]

    def _measured(
        self, asked: Asked, subject: Subject, race: Race, earlier: Sequence[ProcessRun] = ()
    ) -> Generator[Future[Any], None, None]:
        task = self.rig.measure(subject, race, self.view.step, earlier)
        yield self.measuring.until_done(task)
        structure_id, measured = asked.recipe.structure_id, task.result()
        kept = self.store.structure(structure_id, self.rig.bench.id)
        if measured.figures.dirty and kept is not None and not kept.dirty:
            self.view.say(
                f"{asked.recipe.id}: disturbed ({measured.figures.dirty[0]}); its earlier, clean figures stay"
            )
            return
        self.store.add_measured(structure_id, self.rig.bench.id, measured)

    def _race(self, study: Study, made: Built) -> Race | None:
        """How it is measured now that its accuracy is known; None where it could lead no study of this run. Of a grid
        every row is."""
        goal, share = study.goal, made.validation.share
        figures = self.store.structure(made.candidate.recipe.structure_id, goal.bench_id)
        if figures is None:
            return FRONT
        raced = figures.processes >= PROCESSES and figures.energy_provenance.kind is not Kind.PREDICTED
        if share < goal.least_accuracy or made.candidate.projected is not None or (raced and not figures.dirty):
            return None
        leads = [lead for lead in map(self._lead, self.studies) if lead.near(share, figures)]
        if not leads:
            return None
        if goal.grid or any(
            lead.evaluation and lead.evaluation.recipe_id == made.candidate.recipe.id for lead in leads
        ):
            # Who leads already is not measured against himself.
            return FRONT
        return _race_of([lead.race(share) for lead in leads])

    def _lead(self, study: Study) -> Lead:
        best = standings(self.store, study.goal).best
        return Lead(study.objective, best, self.rig.least_w, self.rig.reference)

    def _say_idle(self, seconds: float, trials: int) -> None:
        if trials:
            shares = (f"{name} busy {100 * busy.seconds / seconds:.0f} %" for name, busy in
                      (("trainer", self.training), ("device", self.measuring)))  # fmt: skip
            asking = f"{1e3 * self.asking.seconds / trials:.0f} ms to choose a recipe"
            self.view.say(f"{trials} trials in {spoken(seconds)}: {', '.join(shares)}, {asking}")
            if predicted := held_out(standings(self.store, self.studies[0].goal).ranked):
                self.view.say(str(predicted))

    def _show(self, asked: Asked, evaluation: Evaluation, seconds: float) -> None:
        now = {study.objective.name: standings(self.store, study.goal) for study in self.studies}
        line = trial_line(self._name(asked, 3), evaluation, now[asked.study.objective.name], seconds)
        self.view.finished(line, now)


def _queued_s(flights: Sequence[_Flight]) -> float:
    """How long those on their way still take, which one after the other need the trainer."""
    if not flights:
        return 0.0
    return max(0.0, sum(flight.asked.seconds for flight in flights) - (time.monotonic() - flights[0].begun))


def _race_of(races: Sequence[Race]) -> Race:
    """Near any of the leads; hopeless where it is for all of them."""
    slowest = [race.hopeless_above_s for race in races if race.hopeless_above_s is not None]
    return Race(
        lambda figures: any(race.near(figures) for race in races),
        max(slowest) if len(slowest) == len(races) else None,
    )


def gated_line(trial: str, recipe_id: str, figures: Figures) -> str:
    return f"{trial}  {recipe_id}  {number(1e3 * figures.latency_s)} ms  not trained: it could not win"


def trial_line(trial: str, evaluation: Evaluation, now: Standings, seconds: float) -> str:
    """One trial in one line."""
    goal = now.goal
    row = now.row(evaluation)
    parts = [
        trial,
        evaluation.recipe_id,
        f"{100 * evaluation.validation.share:5.2f} % validation",
        f"{number(row.latency_ms)} ms",
        figure(row, goal.objective) if now.objective.needs_energy else "",
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
