"""Study: one objective's trials in Optuna, a view on the store's evaluations: asked, told, resumed, fed."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any

from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from evaluators.measurement import Figures
from search.choosing.asked_first import AskedFirst
from search.choosing.dashboard import artifact, constraints
from search.choosing.error_model import most_gain
from search.choosing.optuna_study import OptunaStudy, values_of_trial
from search.choosing.sampler import Sampler
from search.choosing.settled_recipes import Known
from search.choosing.time_left import TimeLeft
from search.choosing.trial_notes import (
    GATED_BY,
    IMPORTED,
    REASON,
    RECIPE,
    evaluation_attributes,
    figures_attributes,
    history_of,
)
from search.scoring.objectives import OBJECTIVES, RELATIVE, Scale, Score
from search.store.evaluation import Evaluation
from search.store.goal import Goal
from search.store.store import Store
from search.store.trials import COMPLETE, FAILED, GATED, INTERRUPTED, RUNNING
from space.dimension import Dimension, Value
from space.dimensions import recipe_of, values_of
from space.recipe import Recipe
from space.training.patience import MOST_GAIN, Line


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
        self._table = table
        self._known = known
        self._sampler = sampler
        self._first = first
        self._scale = scale
        self._asked_first = AskedFirst(known, say)
        self._time_left = time_left or TimeLeft()
        self._optuna = OptunaStudy(goal.id, self.objective, storage, table, sampler)

    def line(self) -> Line:
        """By which a training is given up; once some have ended, by what they gained."""
        gain = most_gain(trial.epoch_accuracies for trial in history_of(self._optuna.study) if not trial.given_up)
        least = self.goal.least_accuracy
        return Line(least) if gain is None else Line(least, min(gain, MOST_GAIN))

    @property
    def in_flight(self) -> Set[str]:
        """Ids of the recipes that this run's studies have asked for, and were told nothing of yet."""
        return self._known.in_flight

    def resume(self) -> list[str]:
        """Settles what an interruption left open, then takes in what other studies evaluated; says what it did."""
        self._store.use_study(self.goal)
        evaluations = self._store.evaluations(self.goal.baseline_id, self.goal.bench_id)
        failures = self._store.failures(self.goal.baseline_id, self.goal.bench_id)
        self._known.settle(failures)
        self._end_open_trials(evaluations, failures)
        self._end_trials_that_optuna_ended()
        self._know_gated()
        lines = self._ask_first_for_interrupted(evaluations)
        imported = self.absorb(evaluations.values())
        if imported:
            lines.append(f"taken in from other studies: evaluations, {imported}")
        for values in self._first:
            self._asked_first.add(values)
        return lines

    def _end_open_trials(self, evaluations: Mapping[str, Evaluation], failures: Mapping[str, str]) -> None:
        """Those that Optuna calls waiting or running, while nothing is at work: by what the store knows of them."""
        self._optuna.fail_waiting()
        for trial in self._open_trials():
            recipe = self._optuna.recipe(trial)
            if recipe and recipe.id in evaluations:
                self.tell(trial.number, evaluations[recipe.id])
            elif recipe and recipe.id in failures:
                self.tell_failure(trial.number, failures[recipe.id])
            else:
                if recipe:
                    self._store.begin_trial(self.goal.id, trial.number, recipe.id)
                self.give_up(trial.number)

    def _end_trials_that_optuna_ended(self) -> None:
        """A kill between Optuna's commit and ours leaves a finished trial that our table still calls running."""
        finished = {trial.number: trial for trial in self._optuna.trials(TrialState.COMPLETE, TrialState.FAIL)}
        for number in self._store.trials_of_others(self.goal.id):
            finished.pop(number, None)
        for record in self._store.trials(self.goal.id):
            if record.state == RUNNING and record.number in finished:
                state, reason = _ended_as(finished[record.number])
                self._store.end_trial(self.goal.id, record.number, state, reason)

    def _know_gated(self) -> None:
        for trial in self._gated_trials():
            self._known.gate(trial.user_attrs.get(RECIPE, ""))

    def _ask_first_for_interrupted(self, evaluations: Mapping[str, Evaluation]) -> list[str]:
        """What was interrupted, and has not been evaluated or gated since; a line for each."""
        trials = self._optuna.trials()
        lines = []
        for record in self._store.trials(self.goal.id):
            wanted = record.recipe_id not in evaluations and not self._known.for_good(record.recipe_id)
            if record.state == INTERRUPTED and wanted and self._asked_first.add(values_of_trial(trials[record.number])):
                lines.append(f"trial {record.number} was interrupted: recipe {record.recipe_id} is asked for first")
        return lines

    def ask(self, queued_s: float = 0.0) -> Asked:
        """SpaceExhausted when there is nothing left to ask for. `queued_s`: what is on its way takes so long yet."""
        self._time_left.queued_s = queued_s
        pace = self._time_left.pace_of(self._optuna.study)
        values = self._asked_first.next(pace)
        if values is None:
            self._sampler.look_ahead(pace)
        trial = self._optuna.ask(values)
        recipe = recipe_of(trial.params)
        self._known.begin(recipe.id)
        trial.set_user_attr(RECIPE, recipe.id)
        trial.set_user_attr("widths", " ".join(str(width) for width in recipe.widths))
        self._store.begin_trial(self.goal.id, trial.number, recipe.id)
        return Asked(self, trial.number, recipe, pace.seconds(recipe) if pace.limited else 0.0)

    def tell(self, number: int, evaluation: Evaluation) -> None:
        score = self._score(evaluation)
        self._optuna.describe(number, self._notes(evaluation), self._attributes(score, evaluation))
        self._optuna.tell(number, score.value)
        self._known.settle([evaluation.recipe_id])
        self._store.end_trial(self.goal.id, number, COMPLETE)

    def tell_gated(self, number: int, figures: Figures, reason: str) -> None:
        """Measured, and not trained: with every answer right it would not win. It is never ranked."""
        recipe_id = self._optuna.describe(number, self._gated_notes(figures, reason), self._unknown_accuracy)
        self._optuna.tell(number, self.objective.at_best(figures, self._scale))
        self._known.gate(recipe_id)
        self._store.end_trial(self.goal.id, number, GATED, reason)

    def tell_failure(self, number: int, reason: str) -> None:
        recipe_id = self._optuna.describe(number, {REASON: reason}, {})
        self._optuna.fail(number)
        self._known.settle([recipe_id])
        self._store.end_trial(self.goal.id, number, FAILED, reason)

    def give_up_all(self) -> None:
        """The run ends before these trials do."""
        for trial in self._open_trials():
            self.give_up(trial.number)

    def _open_trials(self) -> list[FrozenTrial]:
        """Those that nobody else is at work on."""
        others = self._store.trials_of_others(self.goal.id)
        return [trial for trial in self._optuna.trials(TrialState.RUNNING) if trial.number not in others]

    def give_up(self, number: int) -> None:
        self._known.give_up(self._optuna.trials()[number].user_attrs.get(RECIPE, ""))
        self._optuna.fail(number)
        self._store.end_trial(self.goal.id, number, INTERRUPTED)

    def gated(self) -> list[Asked]:
        """Trials whose structure was timed and not trained, as it could not have led then."""
        recipes = [(trial, self._optuna.recipe(trial)) for trial in self._gated_trials()]
        return [
            Asked(self, trial.number, recipe)
            for trial, recipe in recipes
            if recipe and self._known.gated(recipe.id) and not trial.user_attrs.get(IMPORTED)
        ]

    def ask_again(self, gated: Asked) -> None:
        """What was gated may lead after all: it is asked for next, as another trial."""
        self._known.ungate(gated.recipe.id)
        self._asked_first.add_next(values_of_trial(self._optuna.trials()[gated.number]))

    def absorb(self, evaluations: Iterable[Evaluation]) -> int:
        """Takes in what this study did not ask for itself; how many."""
        complete = self._optuna.trials(TrialState.COMPLETE)
        # What was gated here may have been trained for another study since.
        present = {trial.user_attrs.get(RECIPE) for trial in complete if GATED_BY not in trial.user_attrs}
        imported = 0
        for evaluation in evaluations:
            projected = evaluation.candidate.projected
            if projected is not None and (self.goal.grid or projected >= self.goal.least_accuracy):
                # Given up for another study's line: not for ours.
                continue
            self._known.settle([evaluation.recipe_id])
            values = values_of(evaluation.candidate.recipe, self._table)
            if evaluation.recipe_id in present or values is None:
                continue
            score = self._score(evaluation)
            self._optuna.add(values, score.value, self._notes(evaluation), self._attributes(score, evaluation))
            imported += 1
        return imported

    def absorb_gated(self, recipe: Recipe, figures: Figures, reason: str) -> None:
        """Takes in what another study gated, and what would not win here either."""
        values = values_of(recipe, self._table)
        if recipe.id in self._known or values is None:
            return
        notes = {RECIPE: recipe.id, **self._gated_notes(figures, reason)}
        self._optuna.add(values, self.objective.at_best(figures, self._scale), notes, self._unknown_accuracy)
        self._known.gate(recipe.id)

    def _gated_trials(self) -> list[FrozenTrial]:
        return [trial for trial in self._optuna.trials(TrialState.COMPLETE) if GATED_BY in trial.user_attrs]

    def _score(self, evaluation: Evaluation) -> Score:
        return self.objective.score(evaluation, self.goal.least_accuracy, self._scale)

    def _notes(self, evaluation: Evaluation) -> dict[str, Any]:
        return evaluation_attributes(evaluation, self.objective, self._scale)

    def _gated_notes(self, figures: Figures, reason: str) -> dict[str, Any]:
        return {GATED_BY: reason, **figures_attributes(figures, self.objective, self._scale)}

    def _attributes(self, score: Score, evaluation: Evaluation) -> dict[str, Any]:
        return {**constraints(score.violations), **artifact(evaluation.candidate.file, self._store.artifacts)}

    @property
    def _unknown_accuracy(self) -> dict[str, Any]:
        """What is not known is not said to be within the line."""
        return constraints({"accuracy": self.goal.least_accuracy})


def _ended_as(trial: FrozenTrial) -> tuple[str, str]:
    """The state that our table gives such a trial, and its reason."""
    reason = str(trial.user_attrs.get(GATED_BY) or trial.user_attrs.get(REASON, ""))
    if trial.state == TrialState.COMPLETE:
        return (GATED if reason else COMPLETE), reason
    return (FAILED if reason else INTERRUPTED), reason
