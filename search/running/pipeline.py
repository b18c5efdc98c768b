"""Pipeline: a run's trials on their way at once; training and measuring overlap unless they share a machine."""

import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass, field

from search.choosing.forecast import held_out
from search.choosing.sampler import SpaceExhausted
from search.choosing.study import Asked, Study
from search.choosing.turns import Turns
from search.results.standings import standings
from search.running.busy import Busy
from search.running.keeping import clear
from search.running.stages import ITS_TURN, Stages, Waiting
from search.running.trial import TrialRunner
from search.running.workplace import Workplace
from search.settings.durations import spoken
from search.settings.keys import KEEP_FRONT
from space.errors import CandidateError

# At most so many times as many trials as usual are on their way.
_MOST = 3
# Trials between two looks at whose files are still wanted: each is a ranking of all studies.
_CLEARED_AFTER = 25


@dataclass
class _Flight:
    """A trial on its way."""

    asked: Asked
    stages: Stages[None]
    # Its structure was timed before.
    known: bool
    begun: float
    waiting: Waiting = ITS_TURN


@dataclass
class Pipeline:
    studies: Sequence[Study]
    work: Workplace
    asking: Busy = field(default_factory=Busy)

    def run(self, trials: int, deadline: float) -> int:
        """How many trials came to an end; those in flight when it stops early are asked for first next time."""
        turns = Turns(self.studies, self.work.view.say)
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
                before, ended = ended, ended + self._go_on(flights)
                if self.work.keep == KEEP_FRONT and ended // _CLEARED_AFTER > before // _CLEARED_AFTER:
                    clear(self.work.store)
        finally:
            for flight in flights:
                if flight.waiting.task:
                    flight.waiting.task.cancel()
            for study in self.studies:
                study.give_up_all()
        self._say_idle(time.monotonic() - started, ended)
        return ended

    def _go_on(self, flights: list[_Flight]) -> int:
        """Each trial that has what it waits for goes on, and leaves the list when it ends; how many have ended."""
        if flights[0].waiting.task:
            wait([flight.waiting.task for flight in flights if flight.waiting.task], return_when=FIRST_COMPLETED)
        ended = 0
        for flight in list(flights):
            # Trials end in the order in which they were asked for: what an ask knows does not hang on timing.
            if flight.waiting.over(first=flight is flights[0]) and self._advance(flight):
                flights.remove(flight)
                ended += 1
        return ended

    def _room(self, flights: Sequence[_Flight]) -> int:
        """How many trials may be on their way; how long they take is no matter: the same are asked for."""
        if self.work.rig.on_this_machine:
            # Nothing is built while something is timed.
            return 1
        # One is trained, one waits for the trainer, each board has one; those whose structure is known need no board.
        places = 2 + self.work.rig.boards
        return min(places + sum(flight.known for flight in flights), _MOST * places)

    def _begin(self, study: Study, flights: Sequence[_Flight]) -> _Flight:
        self.work.view.step(f"choosing the next recipe ({study.goal.objective})", 0)
        with self.asking:
            asked = study.ask(_queued_s(flights))
        self.work.view.begin(f"{self._runner.name(asked)} {asked.recipe.id}: ")
        # What one that is on its way may just have found out does not count.
        structure_id = asked.recipe.structure_id
        known = self.work.structure(asked.recipe) is not None and all(
            flight.asked.recipe.structure_id != structure_id for flight in flights
        )
        flight = _Flight(asked, self._runner.carried_out(asked), known, time.monotonic())
        self._advance(flight)
        return flight

    def _advance(self, flight: _Flight) -> bool:
        """To its next stage; true where the trial has ended."""
        try:
            flight.waiting = next(flight.stages)
        except StopIteration:
            return True
        except CandidateError as error:
            self._runner.fail(flight.asked, error)
            return True
        return False

    @property
    def _runner(self) -> TrialRunner:
        return TrialRunner(self.studies, self.work)

    def _say_idle(self, seconds: float, trials: int) -> None:
        if not trials:
            return
        shares = [
            f"{name} busy {100 * busy.seconds / seconds:.0f} %"
            for name, busy in (("trainer", self.work.training), ("device", self.work.measuring))
        ]
        asking = f"{1e3 * self.asking.seconds / trials:.0f} ms to choose a recipe"
        self.work.view.say(f"{trials} trials in {spoken(seconds)}: {', '.join([*shares, asking])}")
        if predicted := held_out(standings(self.work.store, self.studies[0].goal).ranked):
            self.work.view.say(str(predicted))


def _queued_s(flights: Sequence[_Flight]) -> float:
    """How long those on their way still take, which one after the other need the trainer."""
    if not flights:
        return 0.0
    return max(0.0, sum(flight.asked.seconds for flight in flights) - (time.monotonic() - flights[0].begun))
