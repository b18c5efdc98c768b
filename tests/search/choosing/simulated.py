"""Simulated: a whole search of a world, through Optuna's ask and tell and the real samplers, in simulated time.

It tells a sampler what `search/choosing/study.py` and `search/running/trial.py` tell it: a structure is timed, gated
where it could not lead, else trained, perhaps given up, and told. Weights are trained once, whatever is made of them.
"""

import math
import random
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

import optuna
from optuna.trial import Trial, TrialState

from evaluators.measurement import Accuracy, Figures
from search.choosing.asked_first import AskedFirst
from search.choosing.experience import NO_EXPERIENCE, Experience
from search.choosing.latency_model import Timing
from search.choosing.model_sampler import ModelSampler
from search.choosing.sampler import Sampler, SpaceExhausted, distributions
from search.choosing.settled_recipes import KnownRecipes
from search.choosing.time_left import TimeLeft
from search.choosing.trial_notes import GATED_BY, RECIPE, evaluation_attributes, figures_attributes
from search.choosing.variation import Variation
from search.scoring.lead import Lead
from search.scoring.objectives import Objective, Scale
from search.store.evaluation import Evaluation
from space.dimension import Dimension, Value
from space.dimensions import recipe_of
from space.recipe import Recipe
from space.training.patience import Line, projected
from tests.search.choosing.worlds import POWER_W, World
from tests.search.made_up import evaluation, figures

# Seconds that building a structure's file and timing it take.
TIMING_S = 2.0
# Validation images, of which an accuracy is counted.
_IMAGES = 5000
# Trials of a search that nothing else ends.
_MOST_TRIALS = 10_000
GATED, TRAINED, GIVEN_UP = "gated", "trained", "given up"


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What there is when a sampler is made."""

    seed: int
    table: tuple[Dimension, ...]
    known: KnownRecipes
    objective: Objective
    least_accuracy: float
    time_left: TimeLeft
    # The timings of the look at the device.
    timings: tuple[Timing, ...] = ()


MakeSampler = Callable[[Opening], Sampler]


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """After one trial: its own part, then the sums since the search began."""

    recipe: Recipe
    # GATED, TRAINED or GIVEN_UP.
    outcome: str
    ask_s: float
    clock_s: float
    timings: int
    training_s: float
    # What the sampler sees of the best network so far that holds the line: log10 of the objective's figure.
    best: float | None


@dataclass(frozen=True, slots=True)
class Course:
    steps: tuple[Step, ...]
    leader: Recipe | None
    # Why nothing more was asked for.
    ended: str

    @property
    def best(self) -> float | None:
        return self.steps[-1].best if self.steps else None

    @property
    def training_s(self) -> float:
        return self.steps[-1].training_s if self.steps else 0.0

    @property
    def ask_s(self) -> float:
        """The seconds of all asks together."""
        return sum(step.ask_s for step in self.steps)

    def best_within(self, training_s: float) -> float | None:
        """The best after so much training."""
        return next((step.best for step in reversed(self.steps) if step.training_s <= training_s), None)

    def timings_until(self, mark: float, objective: Objective) -> int | None:
        """Structures that were timed until the best was no worse than this value; None where it never was."""
        for step in self.steps:
            if step.best is not None and not objective.better(mark, step.best):
                return step.timings
        return None


def looked(world: World, table: Sequence[Dimension], *, count: int = 48, seed: int = 0) -> tuple[Timing, ...]:
    """The look at the device: so many outlines of random shapes and settings, timed."""
    variation = Variation(table, random.Random(seed))
    outlines = {recipe.structure_id: recipe for recipe in (recipe_of(variation.anew()) for _ in range(count))}
    return tuple(Timing(recipe, world.latency_s(recipe)) for recipe in outlines.values())


def model_sampler(opening: Opening, experience: Experience = NO_EXPERIENCE) -> Sampler:
    return ModelSampler(
        opening.seed,
        opening.table,
        opening.known,
        opening.objective,
        opening.least_accuracy,
        opening.time_left,
        timings=opening.timings,
        experience=experience,
    )


def searched(
    world: World,
    make_sampler: MakeSampler,
    table: tuple[Dimension, ...],
    objective: Objective,
    line: float,
    *,
    trials: int | None = None,
    minutes: float | None = None,
    training_minutes: float | None = None,
    seed: int,
    first: Sequence[Mapping[str, Value]] = (),
    timings: tuple[Timing, ...] = (),
) -> Course:
    """The course of a search, which ends after so many trials, or minutes of simulated time, or minutes of training:
    then the deadline that the sampler sees is that of the trainings, and timings are counted, but cost no time.
    `timings`: of a look, which took TIMING_S each. The seconds of an ask are real, and no part of simulated time: so a
    search can be repeated."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    search = _Search(world, table, objective, line, minutes=minutes, training_minutes=training_minutes, timings=timings)
    sampler = make_sampler(
        Opening(
            seed=seed,
            table=table,
            known=search.known,
            objective=objective,
            least_accuracy=line,
            time_left=search.time_left,
            timings=timings,
        )
    )
    for values in first:
        search.asked_first.add(values)
    study = optuna.create_study(direction=objective.direction, sampler=sampler)
    return search.run(study, sampler, trials or _MOST_TRIALS)


@dataclass
class _Search:
    world: World
    table: tuple[Dimension, ...]
    objective: Objective
    line: float
    minutes: float | None
    training_minutes: float | None
    timings: tuple[Timing, ...]
    clock_s: float = 0.0
    training_s: float = 0.0
    steps: list[Step] = field(default_factory=list)
    leader: Evaluation | None = None

    def __post_init__(self) -> None:
        self.known = KnownRecipes()
        self.asked_first = AskedFirst(self.known, lambda text: None)
        beside_s = 0.0 if self.training_minutes is not None else TIMING_S
        self.time_left = TimeLeft(self._left_s, trainings=self.world.trainings, beside_s=beside_s)
        self._scale = Scale(self.world.reference_s, POWER_W * self.world.reference_s)
        self._timed = {timing.recipe.structure_id for timing in self.timings}
        self.clock_s = TIMING_S * len(self._timed)
        # What trained weights were deployed as is known by their id: accuracy after each epoch, and the projection.
        self._trained: dict[str, tuple[tuple[float, ...], float | None]] = {}
        self._best: float | None = None

    def _left_s(self) -> float:
        if self.training_minutes is not None:
            return 60 * self.training_minutes - self.training_s
        return math.inf if self.minutes is None else 60 * self.minutes - self.clock_s

    def run(self, study: optuna.Study, sampler: Sampler, trials: int) -> Course:
        ended = f"{trials} trials"
        while len(self.steps) < trials:
            if self._left_s() <= 0:
                ended = "the time is used"
                break
            begun = time.perf_counter()
            try:
                trial = self._ask(study, sampler)
            except SpaceExhausted as error:
                ended = str(error)
                break
            if not self._carried_out(study, trial, sampler, time.perf_counter() - begun):
                ended = "the deadline came in the middle of a training"
                break
        return Course(tuple(self.steps), self.leader.candidate.recipe if self.leader else None, ended)

    def _ask(self, study: optuna.Study, sampler: Sampler) -> Trial:
        pace = self.time_left.pace_of(study)
        values = self.asked_first.next(pace)
        if values is None:
            sampler.look_ahead(pace)
        else:
            study.enqueue_trial(dict(values))
        try:
            trial = study.ask(distributions(self.table))
        except SpaceExhausted:
            study.tell(len(study.get_trials(deepcopy=False)) - 1, state=TrialState.FAIL)
            raise
        self.known.begin(recipe_of(trial.params).id)
        return trial

    def _carried_out(self, study: optuna.Study, trial: Trial, sampler: Sampler, ask_s: float) -> bool:
        """False where the deadline comes first."""
        recipe = recipe_of(trial.params)
        trial.set_user_attr(RECIPE, recipe.id)
        if recipe.structure_id not in self._timed:
            self._timed.add(recipe.structure_id)
            self.clock_s += TIMING_S
        measured = self._figures(recipe)
        if self.leader and Lead(self.objective, self.leader, None, None).gates(measured):
            notes = {GATED_BY: "it could not lead", **figures_attributes(measured, self.objective, self._scale)}
            self._describe(trial, notes, self.line)
            study.tell(trial, self.objective.at_best(measured, self._scale))
            self.known.gate(recipe.id)
            outcome = GATED
        else:
            candidate = self._evaluated(recipe, measured, gives_up=sampler.gives_up(recipe))
            if candidate is None:
                study.tell(trial, state=TrialState.FAIL)
                return False
            score = self.objective.score(candidate, self.line, self._scale)
            self._describe(
                trial, evaluation_attributes(candidate, self.objective, self._scale), score.violations["accuracy"]
            )
            study.tell(trial, score.value)
            self.known.settle([recipe.id])
            self._follow(candidate, score.value, score.violations["accuracy"] <= 0)
            outcome = TRAINED if candidate.candidate.projected is None else GIVEN_UP
        self.steps.append(
            Step(
                recipe=recipe,
                outcome=outcome,
                ask_s=ask_s,
                clock_s=self.clock_s,
                timings=len(self._timed),
                training_s=self.training_s,
                best=self._best,
            )
        )
        return True

    def _figures(self, recipe: Recipe) -> Figures:
        reference_s = self.world.reference_s
        return figures(
            1e3 * self.world.latency_s(recipe),
            reference_latency_s=reference_s,
            reference_energy_j=POWER_W * reference_s,
        )

    def _evaluated(self, recipe: Recipe, measured: Figures, *, gives_up: bool) -> Evaluation | None:
        """Trained, unless its weights are there already; None where the deadline comes first."""
        seconds = 0.0
        if recipe.weights_id not in self._trained:
            history = self.world.history(recipe)
            epochs, bound = len(history), None
            if gives_up:
                epochs, bound = _given_up(history, Line(self.line))
            seconds = self.world.training_s(recipe) * (epochs / len(history) if history else 1.0)
            if seconds > self._left_s():
                return None
            self.training_s += seconds
            self.clock_s += seconds
            self._trained[recipe.weights_id] = history[:epochs], bound
        history, bound = self._trained[recipe.weights_id]
        share = self.world.accuracy(recipe, recipe.epochs) if bound is None else history[-1]
        candidate = evaluation(made=recipe)
        return replace(
            candidate,
            figures=measured,
            validation=Accuracy(correct=round(share * _IMAGES), total=_IMAGES, engine="simulated"),
            candidate=replace(candidate.candidate, history=history, projected=bound, seconds={"train": seconds}),
        )

    def _describe(self, trial: Trial, notes: Mapping[str, object], violation: float) -> None:
        for name, value in notes.items():
            trial.set_user_attr(name, value)
        trial.set_constraint("accuracy", violation)

    def _follow(self, candidate: Evaluation, value: float, feasible: bool) -> None:
        if feasible and (self._best is None or self.objective.better(value, self._best)):
            self.leader, self._best = candidate, value


def _given_up(history: Sequence[float], line: Line) -> tuple[int, float | None]:
    """The epochs that are trained, and what the rest could have led to at best; None for a training that ends."""
    for epoch in range(1, len(history)):
        share_done, best = epoch / len(history), max(history[:epoch])
        if line(share_done, best):
            return epoch, projected(share_done, best)
    return len(history), None
