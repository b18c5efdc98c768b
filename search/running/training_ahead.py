"""Training ahead: what builders train while boards are timing, without having been asked for by a trial.

A board times a network every few seconds, and several builders would wait for it. First they train networks of the
front, while the reference is timed and the look is taken, which tells where the line lies; then what a study suggests.
What holds the line has only to be timed when a trial asks for it, and all of it is learned from.
"""

import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field, replace
from statistics import median

from search.building.at_once import AtOnce
from search.building.tasks import Built
from search.choosing.ahead import Ahead
from search.choosing.error_model import Trained, prior
from search.choosing.latency_model import Timing
from search.choosing.model_sampler import front_of
from search.choosing.options import rungs
from search.choosing.placing import MOST
from search.choosing.study import Study
from search.choosing.time_left import Pace
from search.running.first_look import known_timings, looks
from search.running.plan import BUILDING_S
from search.running.preparation import Prepared
from search.running.studies import goal_of, table_of
from search.running.training_speed import trainings
from search.running.workplace import Workplace
from search.settings.settings import Settings
from search.store.database import StoreError
from search.store.store import Store
from space.baseline import Baseline
from space.dimension import Dimension, Value
from space.dimensions import recipe_of
from space.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Lesson:
    """Which networks are trained, the first ones first, and for how many epochs: a round of all of them at the first of
    these, then longer ones of those that came nearest to the line."""

    networks: tuple[Recipe, ...]
    epochs: tuple[int, ...]

    @classmethod
    def of(
        cls,
        table: Sequence[Dimension],
        front: Sequence[dict[str, Value]],
        pace: Pace,
        images: int,
        places: int,
        seconds: float,
    ) -> "Lesson":
        """The lesson of the cheaper half of the front, which most of a search is about, the middle of it first: the
        longest round that so many places end in so many seconds."""
        shortest = rungs(table, images)[0]
        costs_s = [pace.training_s(recipe_of(values), shortest) for values in front]
        half = [values for values, cost_s in zip(front, costs_s, strict=True) if cost_s <= median(costs_s)]
        inwards = sorted(range(len(half)), key=lambda place: abs(2 * place - len(half) + 1))
        networks = tuple(recipe_of(half[place]) for place in inwards)
        lengths = tuple(epochs for epochs in rungs(table, images) if epochs)
        whole = next(
            (
                place
                for place in reversed(range(len(lengths)))
                if sum(pace.training_s(network, lengths[place]) for network in networks) <= places * seconds
            ),
            0,
        )
        return cls(networks, lengths[whole:])

    def next(self, accuracies: dict[str, float], begun_ids: set[str], line: float) -> Recipe | None:
        """`accuracies`: of those that have ended, by the recipe's id."""
        first, *longer = self.epochs or (0,)
        trained = [replace(network, epochs=first) for network in self.networks] if first else []
        for recipe in trained:
            if recipe.id not in begun_ids:
                return recipe
        ended = [recipe for recipe in trained if recipe.id in accuracies]
        nearest = sorted(ended, key=lambda recipe: abs(accuracies[recipe.id] - line))
        again = (replace(recipe, epochs=epochs) for epochs in longer for recipe in nearest)
        return next((recipe for recipe in again if recipe.id not in begun_ids), None)


NOTHING = Lesson((), ())


@dataclass
class TrainingAhead:
    """What is trained ahead: first the lesson, some at a time, until it is told to stop; then what studies suggest,
    wherever builders idle."""

    work: Workplace
    # None: nothing is trained ahead.
    lesson: Lesson | None
    pace: Pace
    line: float
    places: int
    # When boards are expected to have been timed, on the monotonic clock.
    until: float
    # What studies know of it.
    ahead: Ahead = field(default_factory=Ahead)
    _accuracies: dict[str, float] = field(default_factory=dict)
    _on_their_way: dict[Future[Built], Recipe] = field(default_factory=dict)
    # What was built that the store does not know yet.
    _made: list[Built] = field(default_factory=list)
    _in_lesson: bool = True
    _change: threading.RLock = field(default_factory=threading.RLock)

    @property
    def active(self) -> bool:
        return self.lesson is not None

    @property
    def tasks(self) -> list[Future[Built]]:
        with self._change:
            return list(self._on_their_way)

    def begin(self) -> None:
        for _ in range(self.places):
            self._next_of_lesson()

    def stop(self) -> None:
        """Ends the lesson, and keeps what was learned; what was begun goes on."""
        with self._change:
            self._in_lesson = False
        self._keep()
        if count := len(self._accuracies):
            holding = sum(accuracy >= self.line for accuracy in self._accuracies.values())
            self.work.view.say(
                f"ahead     {count} network{'' if count == 1 else 's'} trained while boards were timed, "
                f"{holding or 'none'} of them on the right side of the line"
            )

    def fill(self, study: Study) -> bool:
        """Trains what the study suggests wherever a builder is idle; one is left to what is asked for. True where a
        network that holds the line has ended meanwhile."""
        if not self.active:
            return False
        ended = []
        for built in self._keep():
            recipe = built.candidate.recipe
            ended.append(Trained(recipe, recipe.epochs, built.validation.share))
        self.ahead.ended += ended
        # What is quicker than an ask must not keep trials waiting.
        for _ in range(self.places - 1 - len(self.tasks)):
            self.ahead.on_their_way = self._recipes
            if (suggested := study.suggest()) is None:
                break
            self._begin(suggested)
        self.ahead.on_their_way = self._recipes
        return any(trained.accuracy >= self.line for trained in ended)

    def close(self) -> None:
        """What has not ended is given up."""
        with self._change:
            self._in_lesson = False
        for task in self.tasks:
            task.cancel()
        # Where the database is gone, why the run ends stays to be said.
        with suppress(StoreError):
            self._keep()

    @property
    def _recipes(self) -> list[Recipe]:
        with self._change:
            return list(self._on_their_way.values())

    def _keep(self) -> list[Built]:
        """What has ended since this was called last."""
        with self._change:
            built, self._made = self._made, []
        for result in built:
            self.work.store.add_candidate(result.candidate, self.work.baseline.id, result.validation)
        return built

    def _next_of_lesson(self) -> None:
        with self._change:
            if self.lesson is None or not self._in_lesson:
                return
            recipe = self.lesson.next(self._accuracies, self.ahead.begun, self.line)
            if recipe and time.monotonic() + self.pace.training_s(recipe, recipe.epochs) <= self.until:
                self._begin(recipe)

    def _begin(self, recipe: Recipe) -> None:
        with self._change:
            self.ahead.begun.add(recipe.id)
            task = self.work.training.until_done(self.work.executor.submit(self.work.order(recipe)))
            self._on_their_way[task] = recipe
        task.add_done_callback(self._ended)

    def _ended(self, task: Future[Built]) -> None:
        """One that failed is left to the trial that asks for it, if any does."""
        with self._change:
            del self._on_their_way[task]
            if not task.cancelled() and task.exception() is None:
                built = task.result()
                self._made.append(built)
                self._accuracies[built.candidate.recipe.id] = built.validation.share
        self._next_of_lesson()


def training_ahead(
    chosen: Settings, prepared: Prepared, work: Workplace, at_once: AtOnce, until: float
) -> TrainingAhead:
    """`until`, on the monotonic clock, boards are expected to be timed first."""
    store, rig, baseline, images = work.store, work.rig, work.baseline, len(prepared.data.train)
    goal = goal_of(replace(chosen, objective=chosen.objectives[0]), prepared, baseline, rig)
    measured = trainings(chosen, store, prepared.data)
    pace = Pace(trainings=measured.slower(at_once.slower), beside_s=BUILDING_S)
    table = table_of(chosen, rig.cores, rig.runtimes)
    lesson = None
    if _pays(chosen, work, at_once.count) and rungs(table, images)[-1] > 0:
        lesson = NOTHING
        # Where others have told enough of the line there is nothing to learn first.
        if _trained(store, baseline) < 2 * MOST:
            front = front_of(table, tuple(_timings(work, prepared)), prior())
            lesson = Lesson.of(table, front, pace, images, at_once.count, until - time.monotonic())
    return TrainingAhead(work, lesson, pace, goal.least_accuracy, at_once.count, until)


def _pays(chosen: Settings, work: Workplace, places: int) -> bool:
    """Whether training ahead pays: not where one builder makes the files of trials, where the machine that trains
    times, where a recording tells what was asked for, or where nothing keeps several controllers, or a cluster's users,
    from training the same."""
    elsewhere = not work.rig.on_this_machine and not work.rig.device.recorded
    return places > 1 and looks(chosen) and elsewhere and work.executor.alike and not work.store.shared


def _timings(work: Workplace, prepared: Prepared) -> Sequence[Timing]:
    """The timings of earlier runs."""
    return known_timings(work.store, work.baseline, work.rig.bench.id, prepared.data.shape)


def _trained(store: Store, baseline: Baseline) -> int:
    """Trainings from the baseline, timed on this bench or not."""
    return sum(id == baseline.id and each.recipe.epochs > 0 for id, each, _ in store.trainings())
