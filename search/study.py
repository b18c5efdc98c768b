"""Study: one objective's trials in Optuna, a view on the store's evaluations: asked, told, resumed, fed."""

import warnings
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import optuna
from optuna.exceptions import ExperimentalWarning
from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState, create_trial

from evaluators.measurement import Figures
from search.dashboard import artifact, constraints
from search.evaluation import Evaluation
from search.goal import Goal
from search.objectives import OBJECTIVES, RELATIVE, Scale, Score
from search.samplers import Sampler, SpaceExhausted, distributions
from search.seen import GATED_BY, REASON, RECIPE, of_evaluation, of_figures
from search.store import COMPLETE, FAILED, GATED, INTERRUPTED, RUNNING, Store
from space.dimensions import Dimension, Value, recipe_of, values_of
from space.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Asked:
    """A trial in flight."""

    study: "Study"
    number: int
    recipe: Recipe


class Study:
    """`known` is shared by the studies of a run: recipes evaluated, failed, or in flight in any of them.

    `first` is asked for before the sampler is.
    """

    def __init__(
        self,
        goal: Goal,
        store: Store,
        storage: RDBStorage,
        table: tuple[Dimension, ...],
        known: set[str],
        *,
        sampler: Sampler,
        first: Sequence[Mapping[str, Value]] = (),
        scale: Scale = RELATIVE,
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
        # Not |=, which makes a new set of a set and keys: this one is shared.
        self._known.update(failures)
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
        self._known.update(one.recipe_id for one in self._store.trials(self.goal.id) if one.state == GATED)
        said = []
        trials = self._optuna.get_trials(deepcopy=False)
        for record in self._store.trials(self.goal.id):
            if record.state == INTERRUPTED and record.recipe_id not in evaluations.keys() | self._known:
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

    def ask(self) -> Asked:
        """SpaceExhausted when there is nothing left to ask for."""
        while self._first:
            values = self._first.popleft()
            if recipe_of(values).id not in self._known:
                self._optuna.enqueue_trial(dict(values))
                break
        else:
            self._sampler.look_ahead()
        try:
            trial = self._optuna.ask(self._distributions)
        except SpaceExhausted:
            # Optuna had already written it down.
            self._optuna.tell(len(self._optuna.get_trials(deepcopy=False)) - 1, state=TrialState.FAIL)
            raise
        recipe = recipe_of(trial.params)
        self._known.add(recipe.id)
        trial.set_user_attr(RECIPE, recipe.id)
        trial.set_user_attr("widths", " ".join(str(width) for width in recipe.widths))
        self._store.begin_trial(self.goal.id, trial.number, recipe.id)
        return Asked(self, trial.number, recipe)

    def tell(self, number: int, evaluation: Evaluation) -> None:
        score = self.objective.score(evaluation, self.goal.least_accuracy, self._scale)
        told = of_evaluation(evaluation, self.objective, self._scale)
        self._describe(number, told, self._attributes(score, evaluation))
        self._optuna.tell(number, score.value)
        self._store.end_trial(self.goal.id, number, COMPLETE)

    def tell_gated(self, number: int, figures: Figures, reason: str) -> None:
        """Measured, and not trained: with every answer right it would not win. It is never ranked."""
        told = {GATED_BY: reason, **of_figures(figures, self.objective, self._scale)}
        # What is not known is not said to be within the line.
        self._describe(number, told, constraints({"accuracy": self.goal.least_accuracy}))
        self._optuna.tell(number, self.objective.at_best(figures, self._scale))
        self._store.end_trial(self.goal.id, number, GATED, reason)

    def tell_failure(self, number: int, reason: str) -> None:
        self._describe(number, {REASON: reason}, {})
        self._optuna.tell(number, state=TrialState.FAIL)
        self._store.end_trial(self.goal.id, number, FAILED, reason)

    def give_up_all(self) -> None:
        """The run ends before these trials do."""
        for trial in self._optuna.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            self.give_up(trial.number)

    def give_up(self, number: int) -> None:
        self._optuna.tell(number, state=TrialState.FAIL)
        self._store.end_trial(self.goal.id, number, INTERRUPTED)

    def absorb(self, evaluations: Iterable[Evaluation]) -> int:
        """Takes in what this study did not ask for itself; how many."""
        complete = self._optuna.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        there = {trial.user_attrs.get(RECIPE) for trial in complete}
        new = 0
        for evaluation in evaluations:
            projected = evaluation.candidate.projected
            if projected is not None and (self.goal.grid or projected >= self.goal.least_accuracy):
                # Given up for another study's line: not for ours.
                continue
            self._known.add(evaluation.recipe_id)
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

    def _attributes(self, score: Score, evaluation: Evaluation) -> dict[str, Any]:
        return {**constraints(score.violations), **artifact(evaluation.candidate.onnx, self._store.artifacts)}

    def _describe(self, number: int, told: Mapping[str, Any], attributes: Mapping[str, Any]) -> None:
        trial_id = self._optuna.get_trials(deepcopy=False)[number]._trial_id
        for name, value in told.items():
            self._storage.set_trial_user_attr(trial_id, name, value)
        for name, value in attributes.items():
            self._storage.set_trial_system_attr(trial_id, name, value)

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
