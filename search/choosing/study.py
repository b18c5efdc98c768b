"""Study: one objective's trials in Optuna, a view on the store's evaluations: asked, told, resumed, fed."""

import warnings
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from evaluators.measurement import Figures
from search.choosing.dashboard import artifact, constraints
from search.choosing.samplers import Sampler, SpaceExhausted, distributions
from search.choosing.settled_recipes import Known
from search.choosing.time_left import Pace, TimeLeft
from search.choosing.trial_notes import GATED_BY, REASON, RECIPE, of_evaluation, of_figures
from search.scoring.objectives import OBJECTIVES, RELATIVE, Scale, Score
from search.settings.durations import spoken
from search.store.evaluation import Evaluation
from search.store.goal import Goal
from search.store.store import COMPLETE, FAILED, GATED, INTERRUPTED, RUNNING, Store
from space.dimensions import Dimension, Value, recipe_of, values_of
from space.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Asked:
    """A trial in flight."""

    study: "Study"
    number: int
    recipe: Recipe
    # How long it will take, where a deadline makes that matter.
    seconds: float = 0.0


def _quiet(text: str) -> None:
    return None


class Study:
    """`first` is asked for before the sampler is. Nothing is asked for that could not end in the time left."""

    def __init__(
        self,
        goal: Goal,
        store: Store,
        storage: RDBStorage,
        table: tuple[Dimension, ...],
        known: Known,
        *,
        sampler: Sampler,
        first: Sequence[Mapping[str, Value]] = (),
        scale: Scale = RELATIVE,
        time_left: TimeLeft | None = None,
        say: Callable[[str], None] = _quiet,
    ) -> None:
        self.goal = goal
        self.objective = OBJECTIVES[goal.objective]
        self.gives_up = sampler.gives_up
        self._store = store
        self._storage = storage
        self._table = table
        self._distributions = distributions(table)
        self._known = known
        self._sampler = sampler
        self._begin_with = first
        self._scale = scale
        self._first: deque[Mapping[str, Value]] = deque()
        self._time_left = time_left or TimeLeft()
        self._say = say
        # Of `first`, by their ids: said to be too long for the time left.
        self._too_long: set[str] = set()
        # What it says on stderr is for programmers.
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._optuna = optuna.create_study(
            storage=storage,
            study_name=goal.id,
            direction=self.objective.direction,
            load_if_exists=True,
            sampler=sampler,
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ExperimentalWarning)
            self._optuna.set_metric_names([self.objective.metric])

    def resume(self) -> list[str]:
        """Settles what an interruption left open, then takes in what other studies evaluated; says what it did."""
        self._store.use_study(self.goal)
        evaluations = self._store.evaluations(self.goal.baseline_id, self.goal.bench_id)
        failures = self._store.failures(self.goal.baseline_id, self.goal.bench_id)
        self._known.settle(failures)
        for trial in self._optuna.get_trials(deepcopy=False, states=(TrialState.WAITING,)):
            # Written down to be asked for, and not asked for yet: Optuna lets nobody tell it anything.
            self._storage.set_trial_state_values(trial._trial_id, state=TrialState.FAIL)
        for trial in self._optuna.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            recipe = self._recipe(trial)
            if recipe and recipe.id in evaluations:
                self.tell(trial.number, evaluations[recipe.id])
            elif recipe and recipe.id in failures:
                self.tell_failure(trial.number, failures[recipe.id])
            else:
                if recipe:
                    self._store.begin_trial(self.goal.id, trial.number, recipe.id)
                self.give_up(trial.number)
        self._agree()
        said = []
        trials = self._optuna.get_trials(deepcopy=False)
        for trial in trials:
            if trial.state == TrialState.COMPLETE and GATED_BY in trial.user_attrs:
                self._known.gate(trial.user_attrs.get(RECIPE, ""))
        for record in self._store.trials(self.goal.id):
            wanted = record.recipe_id not in evaluations and not self._known.for_good(record.recipe_id)
            if record.state == INTERRUPTED and wanted:
                values = _values(trials[record.number])
                if values not in self._first:
                    self._first.append(values)
                    said.append(f"trial {record.number} was interrupted: recipe {record.recipe_id} is asked for first")
        taken_in = self.absorb(evaluations.values())
        if taken_in:
            said.append(f"taken in from other studies: evaluations, {taken_in}")
        for values in self._begin_with:
            if values not in self._first:
                self._first.append(values)
        return said

    def ask(self, queued_s: float = 0.0) -> Asked:
        """SpaceExhausted when there is nothing left to ask for. `queued_s`: what is on its way takes so long yet."""
        self._time_left.queued_s = queued_s
        pace = self._time_left.pace_of(self._optuna)
        first = self._next_first(pace)
        if first is None:
            self._sampler.look_ahead(pace)
        else:
            self._optuna.enqueue_trial(dict(first))
        try:
            trial = self._optuna.ask(self._distributions)
        except SpaceExhausted:
            # Optuna had already written it down.
            self._optuna.tell(len(self._optuna.get_trials(deepcopy=False)) - 1, state=TrialState.FAIL)
            raise
        recipe = recipe_of(trial.params)
        self._known.begin(recipe.id)
        trial.set_user_attr(RECIPE, recipe.id)
        trial.set_user_attr("widths", " ".join(str(width) for width in recipe.widths))
        self._store.begin_trial(self.goal.id, trial.number, recipe.id)
        return Asked(self, trial.number, recipe, pace.seconds(recipe) if pace.limited else 0.0)

    def _next_first(self, pace: Pace) -> Mapping[str, Value] | None:
        """The next of `first`; those on their way in another study, and those too long for now, wait."""
        waiting: list[Mapping[str, Value]] = []
        too_long: list[Recipe] = []
        chosen = None
        while self._first and chosen is None:
            values = self._first.popleft()
            recipe = recipe_of(values)
            if self._known.for_good(recipe.id):
                continue
            if recipe.id in self._known:
                waiting.append(values)
            elif not pace.fits(recipe):
                waiting.append(values)
                too_long.append(recipe)
            else:
                chosen = values
        self._first.extendleft(reversed(waiting))
        self._say_too_long([recipe for recipe in too_long if recipe.id not in self._too_long], pace)
        return chosen

    def _say_too_long(self, recipes: Sequence[Recipe], pace: Pace) -> None:
        if recipes:
            self._too_long.update(recipe.id for recipe in recipes)
            seconds = sorted(pace.seconds(recipe) for recipe in recipes)
            self._say(
                f"first recipes passed over, because they would not end before the deadline: {len(recipes)}, of "
                f"{spoken(seconds[0])} to {spoken(seconds[-1])} each; {spoken(max(pace.left_s, 0.0))} left"
            )

    def tell(self, number: int, evaluation: Evaluation) -> None:
        score = self.objective.score(evaluation, self.goal.least_accuracy, self._scale)
        told = of_evaluation(evaluation, self.objective, self._scale)
        self._describe(number, told, self._attributes(score, evaluation))
        self._optuna.tell(number, score.value)
        self._known.settle([evaluation.recipe_id])
        self._store.end_trial(self.goal.id, number, COMPLETE)

    def tell_gated(self, number: int, figures: Figures, reason: str) -> None:
        """Measured, and not trained: with every answer right it would not win. It is never ranked."""
        told = {GATED_BY: reason, **of_figures(figures, self.objective, self._scale)}
        recipe_id = self._describe(number, told, self._unknown_accuracy)
        self._optuna.tell(number, self.objective.at_best(figures, self._scale))
        self._known.gate(recipe_id)
        self._store.end_trial(self.goal.id, number, GATED, reason)

    def tell_failure(self, number: int, reason: str) -> None:
        recipe_id = self._describe(number, {REASON: reason}, {})
        self._optuna.tell(number, state=TrialState.FAIL)
        self._known.settle([recipe_id])
        self._store.end_trial(self.goal.id, number, FAILED, reason)

    def give_up_all(self) -> None:
        """The run ends before these trials do."""
        for trial in self._optuna.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self.give_up(trial.number)

    def give_up(self, number: int) -> None:
        self._known.give_up(self._optuna.get_trials(deepcopy=False)[number].user_attrs.get(RECIPE, ""))
        self._optuna.tell(number, state=TrialState.FAIL)
        self._store.end_trial(self.goal.id, number, INTERRUPTED)

    def gated(self) -> list[Asked]:
        """Trials whose structure was timed and not trained, as it could not have led then."""
        complete = self._optuna.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        recipes = [(trial, self._recipe(trial)) for trial in complete if GATED_BY in trial.user_attrs]
        return [
            Asked(self, trial.number, recipe)
            for trial, recipe in recipes
            if recipe and self._known.gated(recipe.id) and not trial.user_attrs.get("imported")
        ]

    def ask_again(self, gated: Asked) -> None:
        """What was gated may lead after all: it is asked for next, as another trial."""
        self._known.ungate(gated.recipe.id)
        self._first.appendleft(_values(self._optuna.get_trials(deepcopy=False)[gated.number]))

    def absorb(self, evaluations: Iterable[Evaluation]) -> int:
        """Takes in what this study did not ask for itself; how many."""
        complete = self._optuna.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        # What was gated here may have been trained for another study since.
        there = {trial.user_attrs.get(RECIPE) for trial in complete if GATED_BY not in trial.user_attrs}
        new = 0
        for evaluation in evaluations:
            projected = evaluation.candidate.projected
            if projected is not None and (self.goal.grid or projected >= self.goal.least_accuracy):
                # Given up for another study's line: not for ours.
                continue
            self._known.settle([evaluation.recipe_id])
            values = values_of(evaluation.candidate.recipe, self._table)
            if evaluation.recipe_id in there or values is None:
                continue
            score = self.objective.score(evaluation, self.goal.least_accuracy, self._scale)
            self._optuna.add_trial(
                create_trial(
                    value=score.value,
                    params=values,
                    distributions=self._distributions,
                    user_attrs={"imported": True, **of_evaluation(evaluation, self.objective, self._scale)},
                    system_attrs=self._attributes(score, evaluation),
                )
            )
            new += 1
        return new

    def absorb_gated(self, recipe: Recipe, figures: Figures, reason: str) -> None:
        """Takes in what another study gated, and what would not win here either."""
        values = values_of(recipe, self._table)
        if recipe.id in self._known or values is None:
            return
        self._optuna.add_trial(
            create_trial(
                value=self.objective.at_best(figures, self._scale),
                params=values,
                distributions=self._distributions,
                user_attrs={
                    "imported": True,
                    RECIPE: recipe.id,
                    GATED_BY: reason,
                    **of_figures(figures, self.objective, self._scale),
                },
                system_attrs=self._unknown_accuracy,
            )
        )
        self._known.gate(recipe.id)

    @property
    def _unknown_accuracy(self) -> dict[str, Any]:
        """What is not known is not said to be within the line."""
        return constraints({"accuracy": self.goal.least_accuracy})

    def _attributes(self, score: Score, evaluation: Evaluation) -> dict[str, Any]:
        return {**constraints(score.violations), **artifact(evaluation.candidate.onnx, self._store.artifacts)}

    def _describe(self, number: int, told: Mapping[str, Any], attributes: Mapping[str, Any]) -> str:
        """The id of its recipe."""
        trial = self._optuna.get_trials(deepcopy=False)[number]
        trial_id = trial._trial_id
        for name, value in told.items():
            self._storage.set_trial_user_attr(trial_id, name, value)
        for name, value in attributes.items():
            self._storage.set_trial_system_attr(trial_id, name, value)
        return str(trial.user_attrs.get(RECIPE, ""))

    def _recipe(self, trial: FrozenTrial) -> Recipe | None:
        """None where the process was killed before every value was chosen."""
        values = _values(trial)
        return recipe_of(values) if values.keys() == self._distributions.keys() else None

    def _agree(self) -> None:
        """A kill between Optuna's commit and ours leaves a finished trial that our table still calls running."""
        finished = {trial.number: trial for trial in self._finished()}
        for record in self._store.trials(self.goal.id):
            if record.state == RUNNING and record.number in finished:
                trial = finished[record.number]
                reason = str(trial.user_attrs.get(GATED_BY) or trial.user_attrs.get(REASON, ""))
                if trial.state == TrialState.COMPLETE:
                    state = GATED if reason else COMPLETE
                else:
                    state = FAILED if reason else INTERRUPTED
                self._store.end_trial(self.goal.id, record.number, state, reason)

    def _finished(self) -> list[FrozenTrial]:
        return self._optuna.get_trials(deepcopy=False, states=(TrialState.COMPLETE, TrialState.FAIL))


def _values(trial: FrozenTrial) -> Mapping[str, Value]:
    """Of one that was enqueued and not yet asked for, what it was enqueued with."""
    values: Mapping[str, Value] = trial.params or trial.system_attrs.get("fixed_params", {})
    return values
