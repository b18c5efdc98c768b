"""Pipeline: a run's trials on their way at once; training and measuring overlap unless they share a machine."""

import math
import threading
import time
from bisect import insort
from collections.abc import Callable, Container, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from dataclasses import dataclass, field
from heapq import heapreplace
from typing import Any

from search.choosing.latency_model import errors_held_out
from search.choosing.sampler import SpaceExhausted
from search.choosing.study import Asked, Study
from search.choosing.turns import Turns
from search.results.standings import standings
from search.running.busy import Busy
from search.running.keeping import clear
from search.running.stages import ITS_TURN, Stages, Waiting
from search.running.telling import Telling
from search.running.timetable import Timetable
from search.running.training_ahead import TrainingAhead
from search.running.trial import TrialRunner
from search.running.workplace import Workplace
from search.settings.durations import spoken
from search.settings.keys import KEEP_FRONT
from search.store.database import StoreError

# At most so many times as many trials as usual are on their way.
_MOST = 3
# Trials between two looks at whose files are still wanted: each is a ranking of all studies.
_CLEARED_AFTER = 25


@dataclass
class _Flight:
    """A trial on its way."""

    asked: Asked
    stages: Stages[None]
    # Whether its structure was timed before.
    known: bool
    begun: float
    # The time at which it would end, by the timetable.
    end: float
    waiting: Waiting = ITS_TURN

    @property
    def recipe_id(self) -> str:
        return self.asked.recipe.id

    def over(self, in_turn: Container[str]) -> bool:
        """Whether it goes on; `in_turn`: recipes whose trials may end."""
        return self.waiting.over(self.recipe_id in in_turn)


@dataclass
class Pipeline:
    studies: Sequence[Study]
    work: Workplace
    ahead: TrainingAhead | None = None
    asking: Busy = field(default_factory=Busy)

    def run(self, trials: int | None, deadline: float) -> int:
        """How many trials came to an end; those in flight when it stops early are asked for first next time. `trials`:
        None where time alone is the limit."""
        most = math.inf if trials is None else trials
        turns = Turns(self.studies, self.work.view.say)
        # Trials on their way, in the order in which the timetable ends them.
        flights: list[_Flight] = []
        timetable = Timetable(self.work.training.places, self.work.rig.boards)
        # What this store holds already is not asked for again.
        done = set(self.work.store.order_of_trials(study.goal.id for study in self.studies))
        recorded = [recipe_id for recipe_id in self.work.rig.device.trials if recipe_id not in done]
        telling = Telling(self.work.executor.alike, recorded)
        begun = ended = 0
        # Trials that had ended when studies that had nothing to ask for were asked again.
        asked_again_at = 0
        started, before_s = time.monotonic(), self.work.training.seconds
        try:
            while True:
                # With no time left either, the first ask says how much it would take.
                while begun < most and (begun == 0 or time.monotonic() < deadline):
                    if not self._asks(flights, telling) or not (study := turns.next()):
                        break
                    try:
                        flight = self._begin(study, flights, timetable)
                        insort(flights, flight, key=lambda flight: flight.end)
                        telling.seen(flight.recipe_id)
                        begun += 1
                    except SpaceExhausted as exhausted:
                        waits = flights or (self.ahead and self.ahead.active)
                        (turns.pause if waits else turns.drop)(study, str(exhausted))
                if not flights:
                    if begun < most and self._learns(ended > asked_again_at, deadline) and turns.resume():
                        asked_again_at = ended
                        continue
                    turns.end()
                    break
                if self.ahead and begun < most and time.monotonic() < deadline:
                    self.ahead.fill(turns.asked_last or self.studies[0])
                before, ended = ended, ended + self._go_on(flights, timetable, telling)
                if self.work.keep == KEEP_FRONT and ended // _CLEARED_AFTER > before // _CLEARED_AFTER:
                    clear(self.work.store)
        finally:
            for flight in flights:
                if flight.waiting.task:
                    flight.waiting.task.cancel()
            for study in self.studies:
                # Where the database is gone the next run ends them; why this run ends stays to be said.
                with suppress(StoreError):
                    study.give_up_all()
        self._say_idle(time.monotonic() - started, ended, before_s)
        return ended

    def _learns(self, has_told: bool, deadline: float) -> bool:
        """Whether studies that had nothing to ask for may have something now: after a trial was told, or once a network
        that was trained ahead holds the line, which is waited for."""
        while not has_told and self.ahead and time.monotonic() < deadline:
            begun_before = len(self.ahead.ahead.begun)
            has_told = self.ahead.fill(self.studies[0])
            tasks = self.ahead.tasks
            if has_told or not (tasks or len(self.ahead.ahead.begun) > begun_before):
                break
            wait(tasks, min(deadline - time.monotonic(), threading.TIMEOUT_MAX), return_when=FIRST_COMPLETED)
        return has_told and time.monotonic() < deadline

    def _go_on(self, flights: list[_Flight], timetable: Timetable, telling: Telling) -> int:
        """Each trial that has what it waits for goes on; how many ended, and left the list. By the timetable another
        one ends once the next was asked for: what an ask knows does not hang on timing."""
        in_turn = telling.may_end([flight.recipe_id for flight in flights])
        if not any(flight.over(in_turn) for flight in flights):
            awaited: list[Future[Any]] = [flight.waiting.task for flight in flights if flight.waiting.task]
            # What else ends leaves a builder idle.
            wait([*awaited, *(self.ahead.tasks if self.ahead else ())], return_when=FIRST_COMPLETED)
        before = len(flights)
        for flight in list(flights):
            if flight.over(in_turn) and self._advance(flight):
                flights.remove(flight)
                timetable.told(flight.end)
                telling.seen(flight.recipe_id)
        return before - len(flights)

    def _asks(self, flights: Sequence[_Flight], telling: Telling) -> bool:
        recorded = telling.asks({flight.recipe_id for flight in flights})
        return len(flights) < self._room(flights) if recorded is None else recorded

    def _room(self, flights: Sequence[_Flight]) -> int:
        """How many trials may be on their way; how long they take is no matter: the same are asked for."""
        if self.work.rig.on_this_machine:
            # Nothing is built while something is timed.
            return 1
        if self.ahead and self.ahead.active:
            # Builders have enough to do without them: each board has one, and the next one's file is made meanwhile.
            return self.work.rig.boards + 1
        # Each builder and each board has one, one waits for a builder; those whose structure is known need no board.
        places = self.work.training.places + 1 + self.work.rig.boards
        return min(places + sum(flight.known for flight in flights), _MOST * places)

    def _begin(self, study: Study, flights: Sequence[_Flight], timetable: Timetable) -> _Flight:
        self.work.view.step(f"choosing the next recipe ({study.goal.objective})", 0)
        with self.asking:
            asked = study.ask(self._until_free_s(flights))
        self.work.view.begin(f"{self._runner.name(asked)} {asked.recipe.id}: ")
        # What one that is on its way may just have found out does not count.
        structure_id = asked.recipe.structure_id
        known = self.work.structure(asked.recipe) is not None and all(
            flight.asked.recipe.structure_id != structure_id for flight in flights
        )
        end = timetable.end_of(asked.recipe, known)
        flight = _Flight(asked, self._runner.carried_out(asked), known, time.monotonic(), end)
        self._advance(flight)
        return flight

    def _until_free_s(self, flights: Sequence[_Flight]) -> float:
        """The seconds until a builder and a board have time for another trial."""
        builder_s = _queued_s(flights, self.work.training.places, lambda flight: flight.asked.seconds)
        return max(builder_s, _queued_s(flights, self.work.rig.boards, lambda flight: self.work.beside_s))

    def _advance(self, flight: _Flight) -> bool:
        """Takes a trial to its next stage; true where the trial has ended."""
        try:
            with self.work.store.moment():
                flight.waiting = next(flight.stages)
        except StopIteration:
            return True
        return False

    @property
    def _runner(self) -> TrialRunner:
        return TrialRunner(self.studies, self.work)

    def _say_idle(self, seconds: float, trials: int, before_s: float) -> None:
        """`before_s`: what was trained before the first trial."""
        if not trials:
            return
        trainer, device = self.work.training.share(seconds, before_s), self.work.measuring.share(seconds)
        shares = [f"trainer busy {100 * trainer:.0f} %", f"device busy {100 * device:.0f} %"]
        asking = f"{1e3 * self.asking.seconds / trials:.0f} ms to choose a recipe"
        self.work.view.say(f"{trials} trials in {spoken(seconds)}: {', '.join([*shares, asking])}")
        for error in errors_held_out(standings(self.work.store, self.studies[0].goal).ranked):
            self.work.view.say(str(error))


def _queued_s(flights: Sequence[_Flight], places: int, seconds: Callable[[_Flight], float]) -> float:
    """How long those on their way still take until a builder, or a board, is free for another one, each given to the
    first that is, in the order in which they were asked for."""
    if not flights:
        return 0.0
    in_turn = sorted(flights, key=lambda flight: flight.begun)
    free_s = [0.0] * places
    for flight in in_turn:
        heapreplace(free_s, free_s[0] + seconds(flight))
    return max(0.0, free_s[0] - (time.monotonic() - in_turn[0].begun))
