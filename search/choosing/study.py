"""Study: one objective's trials in Optuna, a view on the store's evaluations: asked, told, resumed, fed."""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial
from typing import Any

from optuna.storages import RDBStorage
from optuna.trial import FrozenTrial, TrialState

from evaluators.measurement import Figures
from search.choosing.asked_first import AskedFirst, Values
from search.choosing.beside import Beside
from search.choosing.dashboard import artifact, constraints
from search.choosing.error_model import most_gain
from search.choosing.optuna_study import Addition, OptunaStudy, values_of_trial
from search.choosing.sampler import Sampler, SpaceExhausted
from search.choosing.settled_recipes import KnownRecipes
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

# Evaluations of others that are taken in as one transaction.
_AT_ONCE = 500


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
        known: KnownRecipes,
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
        self._say = say
        self._asked_first = AskedFirst(known, say)
        self._time_left = time_left or TimeLeft()
        self._optuna = OptunaStudy(goal.id, self.objective, storage, table, sampler, store)
        self._beside = Beside(store, goal, self._optuna, known)
        # Trials that were asked for here and have not ended, each with its recipe's id.
        self._mine: dict[int, str] = {}

    def line(self) -> Line:
        """The line by which a training is given up; once some have ended, by what they gained."""
        history = self._store.patiently(lambda: history_of(self._optuna.study))
        gain = most_gain(trial.epoch_accuracies for trial in history if not trial.given_up)
        least = self.goal.least_accuracy
        return Line(least) if gain is None else Line(least, min(gain, MOST_GAIN))

    @property
    def in_flight(self) -> Set[str]:
        """Ids of the recipes that this run's studies, or other controllers, have asked for, and were told nothing of
        yet."""
        return self._known.in_flight

    def resume(self) -> list[str]:
        """Settles what an interruption left open, then takes in what other studies evaluated; says what it did."""

        def resumed() -> list[str]:
            with self._store.moment():
                return self._resume()

        return self._store.patiently(resumed)

    def _resume(self) -> list[str]:
        self._store.use_study(self.goal)
        self._optuna.read_again()
        with self._store.turn(self.goal.id) as still:
            assert still is not None
            self._beside.seen = self._store.last_change() if self._store.shared else 0
            self._store.remove_gone()
            evaluations = self._store.evaluations(self.goal.baseline_id, self.goal.bench_id)
            failures = self._store.failures(self.goal.baseline_id, self.goal.bench_id)
            self._known.settle(failures)
            self._optuna.fail_waiting()
            self._end(self._open_trials(), evaluations, failures)
            self._end_trials_that_optuna_ended()
            self._know_gated()
            lines = self._ask_first_for_interrupted(evaluations)
            imported = self._import(self._beside.evaluated(evaluations), still)
        if imported:
            # Optuna's trials are read now, and not by the first ask.
            self._optuna.trials()
            lines.append(f"taken in from other studies: evaluations, {imported}")
        for values in self._first:
            self._asked_first.add(values)
        return lines

    def _take_in(self) -> None:
        """What other controllers found out since the last ask, what they have on their way, and what those left behind
        who are gone: that is asked for first."""
        if not self._store.shared:
            return
        self._store.look()
        left_behind, owners = self._beside.left_behind(self._mine.keys())
        # Where a controller was killed right after it told Optuna of a trial, our table alone says that the trial is
        # still on its way.
        if left_behind or self._store.trials_of_nobody(self.goal.id, owners):
            with self._store.turn(self.goal.id, wait=False) as still:
                # Where another one is at it, it has them end.
                if still is not None:
                    self._end_left_behind()
        for number in self._beside.take_in(owners):
            self._ask_first_again(self._optuna.trial(number))
        evaluations = self._store.evaluations(self.goal.baseline_id, self.goal.bench_id)
        if new := self._beside.evaluated(evaluations):
            # Where another one is at it, it writes them down, and they are not asked for here meanwhile.
            self._known.settle([evaluation.recipe_id for evaluation in new if self._serves(evaluation)])
            with self._store.turn(self.goal.id, wait=False) as still:
                if still is not None:
                    self._import(self._beside.evaluated(evaluations), still)

    def _end_left_behind(self) -> None:
        self._store.remove_gone()
        evaluations = self._store.evaluations(self.goal.baseline_id, self.goal.bench_id)
        failures = self._store.failures(self.goal.baseline_id, self.goal.bench_id)
        self._end(self._beside.nobodys(self._mine.keys()), evaluations, failures)
        self._end_trials_that_optuna_ended()

    def _ask_first_again(self, trial: FrozenTrial) -> None:
        recipe = self._optuna.recipe(trial)
        if recipe and not self._known.for_good(recipe.id) and self._asked_first.add(values_of_trial(trial)):
            self._say(f"trial {trial.number} was interrupted elsewhere: recipe {recipe.id} is asked for first")

    def _end(
        self, trials: Iterable[FrozenTrial], evaluations: Mapping[str, Evaluation], failures: Mapping[str, str]
    ) -> None:
        """Ends the trials that Optuna calls running, while nobody is at work on them, by what the store knows of
        them."""
        for trial in trials:
            recipe = self._optuna.recipe(trial)
            evaluation = self._serving(evaluations, recipe.id) if recipe else None
            if evaluation:
                self.tell(trial.number, evaluation)
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
        """What was gated, and not asked for again since."""
        gated = {trial.number for trial in self._gated_trials()}
        for trial in self._optuna.trials():
            know = self._known.gate if trial.number in gated else self._known.ungate
            know(trial.user_attrs.get(RECIPE, ""))

    def _ask_first_for_interrupted(self, evaluations: Mapping[str, Evaluation]) -> list[str]:
        """What was interrupted, and has not been evaluated or gated since; a line for each."""
        trials = self._optuna.trials()
        lines = []
        for record in self._store.trials(self.goal.id):
            evaluation = self._serving(evaluations, record.recipe_id)
            wanted = evaluation is None and not self._known.for_good(record.recipe_id)
            if record.state == INTERRUPTED and wanted and self._asked_first.add(values_of_trial(trials[record.number])):
                lines.append(f"trial {record.number} was interrupted: recipe {record.recipe_id} is asked for first")
        return lines

    def ask(self, queued_s: float = 0.0) -> Asked:
        """SpaceExhausted when there is nothing left to ask for. `queued_s`: what is on its way takes so long yet."""

        def asked() -> Asked:
            with self._store.moment():
                return self._asked(queued_s)

        return self._store.patiently(asked)

    def suggest(self) -> Recipe | None:
        """What is worth training although no trial asks for it yet."""
        self._time_left.queued_s = 0.0

        def suggested() -> Recipe | None:
            with self._store.moment():
                return self._sampler.suggest(self._optuna.study)

        return self._store.patiently(suggested)

    def _asked(self, queued_s: float) -> Asked:
        self._take_in()
        self._time_left.queued_s = queued_s
        pace = self._time_left.pace_of(self._optuna.study)
        values = self._asked_first.next(pace)
        trial = None
        try:
            if values is None:
                self._sampler.look_ahead(pace)
            trial = self._optuna.begin(self._store.owner)
            self._mine[trial.number] = ""
            while (recipe := self._claimed(trial, values)) is None:
                # Another controller was first, or timed its structure: with what it did in mind another one is chosen,
                # or the same again.
                if values is not None:
                    self._asked_first.add_next(values)
                    values = None
                self._take_in()
                values = self._asked_first.next(pace)
        except BaseException:
            # A trial that was begun is left behind then, and ended by the next ask.
            if trial is not None:
                self._mine.pop(trial.number, None)
            if values is not None:
                self._asked_first.add_next(values)
            raise
        self._mine[trial.number] = recipe.id
        self._known.begin(recipe.id)
        return Asked(self, trial.number, recipe, pace.seconds(recipe) if pace.limited else 0.0)

    def _claimed(self, trial: FrozenTrial, values: Values | None) -> Recipe | None:
        """The recipe of these values, or of those that the sampler chooses; SpaceExhausted where it has none. None
        where another controller has it on its way, or has found something out about it."""
        try:
            chosen = dict(values) if values is not None else self._optuna.chosen(trial)
        except SpaceExhausted:
            # Optuna has written the trial down already.
            self._optuna.fail(trial.number)
            raise
        recipe = recipe_of(chosen)
        notes = {RECIPE: recipe.id, "widths": " ".join(str(width) for width in recipe.widths)}

        def claimed() -> bool:
            with self._store.together():
                mine = self._store.claim_trial(self.goal, trial.number, recipe, self._beside.seen)
                if mine:
                    self._optuna.choose(trial, chosen, notes)
                return mine

        return recipe if self._store.patiently(claimed) else None

    def tell(self, number: int, evaluation: Evaluation) -> None:
        score = self._score(evaluation)
        notes, attributes = self._notes(evaluation), self._attributes(score, evaluation)
        self._told(number, COMPLETE, "", partial(self._optuna.tell, number, score.value, notes, attributes))
        self._known.settle([evaluation.recipe_id])

    def _told(self, number: int, state: str, reason: str, tell: Callable[[], bool]) -> str:
        """Optuna's trial and ours end as one; the recipe's id. One that has ended meanwhile stays as it ended."""

        def told() -> str:
            with self._store.together():
                if tell():
                    self._ended(number, state, reason)
            return self._recipe_id(number)

        recipe_id = self._store.patiently(told)
        self._mine.pop(number, None)
        return recipe_id

    def _ended(self, number: int, state: str, reason: str) -> None:
        self._store.end_trial(self.goal.id, number, state, reason)

    def tell_gated(self, number: int, figures: Figures, reason: str) -> None:
        """Measured, and not trained: with every answer right it would not win. It is never ranked."""
        value, notes = self.objective.at_best(figures, self._scale), self._gated_notes(figures, reason)
        tell = partial(self._optuna.tell, number, value, notes, self._unknown_accuracy)
        self._known.gate(self._told(number, GATED, reason, tell))

    def tell_failure(self, number: int, reason: str) -> None:
        fail = partial(self._optuna.fail, number, {REASON: reason})
        self._known.settle([self._told(number, FAILED, reason, fail)])

    def _recipe_id(self, number: int) -> str:
        return self._mine.get(number) or str(self._optuna.trial(number).user_attrs.get(RECIPE, ""))

    def give_up_all(self) -> None:
        """The run ends before these trials do."""
        numbers = set(self._mine) if self._store.shared else {trial.number for trial in self._open_trials()}
        for number in sorted(numbers):
            self.give_up(number)

    def _open_trials(self) -> list[FrozenTrial]:
        """The trials that nobody else is at work on."""
        others = self._store.trials_of_others(self.goal.id)
        if self._store.shared:
            running = self._beside.nobodys(self._mine.keys())
        else:
            running = self._optuna.trials(TrialState.RUNNING)
        return [trial for trial in running if trial.number not in others]

    def give_up(self, number: int) -> None:
        """The trial ends without a figure, and its recipe may be asked for again."""
        mine = number in self._mine
        recipe_id = self._told(number, INTERRUPTED, "", partial(self._optuna.fail, number))
        if mine:
            # The recipe of an earlier run's trial may be on its way in another study of this run: it stays so there.
            self._known.give_up(recipe_id)

    def gated(self) -> list[Asked]:
        """Trials whose structure was timed and not trained, as it could not have led then."""
        gated = self._store.patiently(self._gated_trials)
        recipes = [(trial, self._optuna.recipe(trial)) for trial in gated]
        return [
            Asked(self, trial.number, recipe)
            for trial, recipe in recipes
            if recipe and self._known.gated(recipe.id) and not trial.user_attrs.get(IMPORTED)
        ]

    def ask_again(self, gated: Asked) -> None:
        """What was gated may lead after all: it is asked for next, as another trial."""
        self._known.ungate(gated.recipe.id)
        trial = self._store.patiently(lambda: self._optuna.trial(gated.number))
        self._asked_first.add_next(values_of_trial(trial))

    def absorb(self, evaluations: Iterable[Evaluation]) -> int:
        """Takes in what this study did not ask for itself; how many. Beside other controllers it waits for the next
        ask, which takes in what all of them found out, one controller at a time."""
        return 0 if self._store.shared else self._import(evaluations, lambda: None)

    def _import(self, evaluations: Iterable[Evaluation], still: Callable[[], None]) -> int:
        """`still` is called before those of each transaction are written down."""
        present, on_their_way = self._present()
        new: dict[str, Addition] = {}
        for evaluation in evaluations:
            if not self._serves(evaluation):
                self._beside.looked_at.add(evaluation.recipe_id)
                continue
            self._known.settle([evaluation.recipe_id])
            values = values_of(evaluation.candidate.recipe, self._table)
            if evaluation.recipe_id in on_their_way:
                continue
            if evaluation.recipe_id in present or values is None:
                self._beside.looked_at.add(evaluation.recipe_id)
                continue
            score = self._score(evaluation)
            notes, attributes = self._notes(evaluation), self._attributes(score, evaluation)
            new[evaluation.recipe_id] = Addition(values, score.value, notes, attributes)
        ids, added = list(new), 0
        for first in range(0, len(ids), _AT_ONCE):
            still()
            with self._store.together():
                # Whoever stood still in between has lost its turn; from here on nobody else writes.
                known = set[str]().union(*self._present())
                at_once = [id for id in ids[first : first + _AT_ONCE] if id not in known]
                self._optuna.add([new[id] for id in at_once])
            # Where the database was away evaluations are looked at again, and written down then.
            self._beside.looked_at.update(at_once)
            added += len(at_once)
        return added

    def _present(self) -> tuple[Set[str], Set[str]]:
        """Recipes that Optuna was told of, and those of trials on their way, which whoever ends them tells."""
        self._look_again()
        told_ids, on_their_way = set[str](), set[str]()
        for trial in self._optuna.trials(TrialState.COMPLETE, TrialState.RUNNING):
            recipe_id = trial.user_attrs.get(RECIPE, "")
            if trial.state == TrialState.RUNNING:
                on_their_way.add(recipe_id)
            elif GATED_BY not in trial.user_attrs:
                # What was gated here may have been trained for another study since.
                told_ids.add(recipe_id)
        return told_ids, on_their_way

    def _look_again(self) -> None:
        if self._store.shared:
            self._store.look()

    def _serves(self, evaluation: Evaluation) -> bool:
        """Whether an evaluation serves this study: one that was given up for another study's line does not, as it may
        hold ours."""
        projected = evaluation.candidate.projected
        return projected is None or not (self.goal.grid or projected >= self.goal.least_accuracy)

    def _serving(self, evaluations: Mapping[str, Evaluation], recipe_id: str) -> Evaluation | None:
        evaluation = evaluations.get(recipe_id)
        return evaluation if evaluation is not None and self._serves(evaluation) else None

    def absorb_gated(self, recipe: Recipe, figures: Figures, reason: str) -> None:
        """Takes in what another study gated, and what would not win here either."""
        values = values_of(recipe, self._table)
        if recipe.id in self._known or values is None:
            return
        notes = {RECIPE: recipe.id, **self._gated_notes(figures, reason)}

        def added() -> None:
            with self._store.together():
                self._look_again()
                trials = self._optuna.trials(TrialState.COMPLETE, TrialState.RUNNING)
                if all(trial.user_attrs.get(RECIPE) != recipe.id for trial in trials):
                    value = self.objective.at_best(figures, self._scale)
                    self._optuna.add([Addition(values, value, notes, self._unknown_accuracy)])

        self._store.patiently(added)
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
