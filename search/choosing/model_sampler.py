"""Model sampler: learns from timings and trials what a network's shape means for figure and accuracy, and asks for what
looks most promising.

It begins with the latency model's front: brief trainings, from which it learns where the line lies. Then come first
looks at new networks, and longer trainings of those that look best, half of all training at most; until something holds
the line, what rather holds it than not is trained first. The last third of the time goes to trainings that can
still win, as long as they pay. What holds the line is timed at other settings and in other numbers as soon as it may
lead there: that takes seconds. What could not end before the deadline is not asked for; while there is time left, the
most likely leader is, however unlikely.
"""

import math
import random
from collections.abc import Container, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from search.choosing.ahead import Ahead
from search.choosing.candidates import candidates, variants
from search.choosing.contenders import HOPELESS, contender
from search.choosing.error_model import Trained, learned, most_telling
from search.choosing.experience import NO_EXPERIENCE, Experience
from search.choosing.first_recipes import COUNT, front
from search.choosing.forecast import Forecast, Forecaster
from search.choosing.gaussian_process import Trend
from search.choosing.latency_model import LatencyModel, Timing
from search.choosing.options import LIKELY, RATHER, Option, first_epochs, rungs
from search.choosing.placing import placing
from search.choosing.sampler import NOTHING_NEW, Sampler, SpaceExhausted, distributions, seed_of
from search.choosing.situation import LAST, Situation
from search.choosing.time_left import Pace, TimeLeft, as_far_as_trained, cost
from search.choosing.trial_notes import TrialNotes, history_of
from search.scoring.objectives import Objective
from space.dimension import Dimension, Value
from space.dimensions import network_in, recipe_of, values_of
from space.formats.names import DEFAULT_RUNTIME
from space.networks.network import unpruned
from space.recipe import Recipe

# The line is placed among so many times as many budgets as others begin with: the cheap ones among them are not far
# apart then.
_FINER = 3
# Trials that an ask is about: the best and the most recent.
_MOST_TRIALS = 500
# The share of the time left that a suggested training takes at most: what it teaches serves those after it.
_OF_TIME_LEFT = 1 / 4
# Numbers by which suggestions are drawn: above those of trials.
_OF_SUGGESTIONS = 1_000_000
# A number above the logarithm of any figure, and above any accuracy.
_HOLDS = 1000.0


class ModelSampler(Sampler):
    def __init__(
        self,
        seed: int,
        table: Sequence[Dimension],
        known: Container[str],
        objective: Objective,
        least_accuracy: float,
        time_left: TimeLeft | None = None,
        timings: Sequence[Timing] = (),
        experience: Experience = NO_EXPERIENCE,
        ahead: Ahead | None = None,
    ) -> None:
        """`timings`: of the look at the device. `experience`: what other studies found out. `ahead`: what this run
        trains without having asked for it."""
        self._seed = seed
        self._table = tuple(table)
        self._space = distributions(table)
        self._known = known
        self._objective = objective
        self._least_accuracy = least_accuracy
        self._timings = tuple(timings)
        self._experience = experience
        self._ahead = ahead or Ahead()
        self._trend = learned(experience.elsewhere)
        self._time_left = time_left or TimeLeft()
        self._whole_s = self._time_left.left_s()
        images = self._time_left.trainings.images
        self._first_epochs = first_epochs(images)
        steps = rungs(table, images)
        self._unpruned = _as_first_trained(table, experience.unpruned_accuracy, steps[0])
        # Without a deadline trials are what is short, not time: first looks are longer.
        self._rungs = steps if self._whole_s < math.inf else steps[1:] or steps

    @cached_property
    def _front(self) -> list[dict[str, Value]]:
        return [dict(values) for values in front_of(self._table, self._timings, self._trend)]

    def gives_up(self, recipe: Recipe) -> bool:
        """A first look is short by intent, whatever it reaches."""
        return recipe.epochs > self._rungs[1 if len(self._rungs) > 2 else 0]

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._space

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        situation = self._situation(study, trial.number)
        if (network := _ready(situation)) is not None:
            return network
        if (variant := _likely_variant(situation)) is not None:
            return variant
        if (network := placing(situation, self._front, len(self._alike))) is not None:
            return network
        options = self._options(situation, trial.number)
        if not options and not situation.is_last:
            situation = situation.at_its_end()
            options = self._options(situation, trial.number)
        if not options:
            raise SpaceExhausted(self._why_nothing(situation, trial.number))
        if situation.is_last:
            return contender(situation, options)
        prediction = situation.forecaster.forecast([(each.recipe, each.last_epochs) for each in options])
        if situation.pace.limited and prediction.probability_of_leading.max() < HOPELESS:
            chosen = options[int(prediction.log_probability_of_leading.argmax())]
        else:
            chosen = options[_most_promising(options, prediction, situation)]
        return {**chosen.values, "epochs": chosen.next_epochs}

    def suggest(self, study: Study) -> Recipe | None:
        """A training of the network that promises the most over the leader, and over what waits to be timed; None where
        it is hopeless that any would lead."""
        situation = self._situation(study)
        # Whether there is time to time it, too, is the trial's matter.
        options = self._options(situation.without_deadline(), _OF_SUGGESTIONS + len(self._ahead.begun))
        trainings = [recipe for each in options if (recipe := _suggested(each, situation)) is not None]
        new = [recipe for recipe in trainings if recipe.id not in self._ahead.begun and recipe.id not in self._known]
        if not new:
            return None
        waiting = [recipe_of(values) for values in situation.ready]
        over = situation.forecaster.best_expected([(recipe, recipe.epochs) for recipe in waiting])
        prediction = situation.forecaster.forecast([(recipe, recipe.epochs) for recipe in new], over)
        able = prediction.probability_of_leading >= HOPELESS
        return new[int(np.where(able, prediction.expected_improvement, -1.0).argmax())] if able.any() else None

    @property
    def _alike(self) -> Sequence[Trained]:
        return (*self._experience.alike, *self._ahead.ended)

    def _situation(self, study: Study, number: float = math.inf) -> Situation:
        """The situation of the trial with this number: what was asked for after it does not count."""
        # An ask takes as long after ten thousand trials as after five hundred.
        history = most_telling(history_of(study), self._goodness, _MOST_TRIALS)
        pending = [*_pending(study, number), *self._ahead.on_their_way]
        told_ids = {trial.recipe.id for trial in history if trial.accuracy is not None}
        alike = [trained for trained in self._alike if trained.recipe.id not in told_ids]
        ready = [trained.recipe for trained in alike if trained.accuracy >= self._least_accuracy]
        forecaster = Forecaster.fitted(
            history,
            self._timings,
            self._objective,
            self._least_accuracy,
            self._trend,
            [*self._unpruned, *alike],
            pending,
            self._first_epochs,
        )
        pace = self._time_left.pace(history)
        # Their weights are there already.
        pace = replace(pace, trained=pace.trained | {recipe.choices_of_weights for recipe in ready})
        return Situation(
            self._table,
            self._objective,
            self._known,
            self._rungs,
            self._whole_s,
            history,
            pending,
            pace,
            forecaster,
            is_last=pace.limited and pace.left_s < LAST * self._whole_s,
            ready=[
                dict(values)
                for recipe in ready
                if recipe.id not in self._known and (values := values_of(recipe, self._table)) is not None
            ],
        )

    def _goodness(self, trial: TrialNotes) -> float:
        """What holds the line comes before all else, by its figure; the others by their accuracy."""
        if trial.feasible_value is None:
            return trial.accuracy or 0.0
        return _HOLDS + (trial.feasible_value if self._objective.maximise else -trial.feasible_value)

    def _options(self, situation: Situation, number: int) -> list[Option]:
        return candidates(situation, self._front, random.Random(seed_of(self._seed, number)))

    def _why_nothing(self, situation: Situation, number: int) -> str:
        """Why there is no option: more time might bring some, else every recipe is known."""
        options = self._options(situation.without_deadline(), number)
        trainings = [replace(each.recipe, epochs=each.next_epochs) for each in options]
        return situation.pace.shortage(trainings) if trainings else NOTHING_NEW


def _as_first_trained(table: Sequence[Dimension], accuracy: float | None, epochs: int) -> list[Trained]:
    """The unpruned network as if it had had the shortest training: it is as accurate already. It is the only one whose
    accuracy is known before anything is trained, and shows how far networks near it are from those that are small."""
    return [] if accuracy is None else [Trained(unpruned(network_in(table)), epochs, accuracy)]


def _suggested(option: Option, situation: Situation) -> Recipe | None:
    """The longest training that leaves time for others to be learned from, at least the shortest that it has not had;
    None where that does not end any more, or it has had the longest."""
    pace = situation.pace
    longer = [epochs for epochs in situation.rungs if epochs > option.trained_epochs]
    if not longer:
        return None
    within_s = _OF_TIME_LEFT * pace.left_s
    able = [epochs for epochs in longer if pace.training_s(option.recipe, epochs) - pace.beside_s <= within_s]
    recipe = replace(option.recipe, epochs=max(able, default=longer[0]))
    return recipe if pace.ends(recipe) else None


def _ready(situation: Situation) -> dict[str, Value] | None:
    """What improves most on the leader of those that have only to be timed; None where none is likely to."""
    recipes = [(values, recipe) for values in situation.ready if situation.pace.fits(recipe := recipe_of(values))]
    if not recipes:
        return None
    prediction = situation.forecaster.forecast([(recipe, recipe.epochs) for _, recipe in recipes])
    improvement = np.where(prediction.probability_of_leading >= LIKELY, prediction.expected_improvement, -1.0)
    place = int(improvement.argmax())
    return recipes[place][0] if improvement[place] >= 0 else None


def _likely_variant(situation: Situation) -> dict[str, Value] | None:
    """The likeliest new leader among the variants of what was trained; None where none is likely."""
    recipes = [(values, recipe_of(values)) for values in variants(situation)]
    new = [
        (values, recipe)
        for values, recipe in recipes
        if recipe.id not in situation.known and situation.pace.fits(recipe)
    ]
    if not new:
        return None
    prediction = situation.forecaster.forecast([(recipe, recipe.epochs) for _, recipe in new])
    place = int(prediction.probability_of_leading.argmax())
    return new[place][0] if prediction.probability_of_leading[place] >= LIKELY else None


def _most_promising(options: Sequence[Option], prediction: Forecast, situation: Situation) -> int:
    """The place of the option with the highest expected improvement; where time is short, for the seconds that it takes
    to see it, among networks already trained while those had less of all training than first looks had, else among new
    ones."""
    improvement = prediction.expected_improvement
    if situation.pace.limited:
        improvement = improvement / np.array([_seconds_until_seen(each, situation.pace) for each in options])
    trained = np.array([not each.is_new for each in options])
    # Without a deadline a long training costs what a first look does: one trial.
    if trained.all() or not trained.any() or not situation.pace.limited:
        return int(improvement.argmax())
    # Until something holds the line, what rather holds it than not comes first.
    rather = trained & (prediction.probability_of_leading >= RATHER)
    if rather.any() and not situation.forecaster.has_leader:
        return int(np.where(rather, improvement, -1.0).argmax())
    longer = int(np.where(trained, improvement, -1.0).argmax())
    first_looks, longer_ones = _costs(situation)
    likely = min(LIKELY, float(prediction.probability_of_leading[~trained].max()))
    if longer_ones < first_looks and prediction.probability_of_leading[longer] >= likely:
        return longer
    return int(np.where(trained, -1.0, improvement).argmax())


def _costs(situation: Situation) -> tuple[float, float]:
    """What the first looks cost so far, and what the longer trainings did. What several runtimes share is one training;
    each quantization and setting of what holds the line counts as one more, so that new networks come sooner."""
    done = (
        as_far_as_trained(trial.recipe, trial.epoch_accuracies, trial.given_up)
        for trial in situation.history
        if trial.accuracy is not None
    )
    once = {replace(recipe, runtime=DEFAULT_RUNTIME).id: recipe for recipe in (*done, *situation.pending)}.values()
    costs = [(recipe.epochs, cost(recipe, recipe.epochs)) for recipe in once]
    first_looks = sum(training for epochs, training in costs if epochs <= situation.rungs[0])
    return first_looks, sum(training for _, training in costs) - first_looks


@lru_cache(maxsize=16)
def front_of(table: tuple[Dimension, ...], timings: tuple[Timing, ...], trend: Trend) -> list[dict[str, Value]]:
    """Kept: the studies of a run begin alike."""
    return front(table, LatencyModel.fitted(timings), trend, _FINER * COUNT)


def _seconds_until_seen(chosen: Option, pace: Pace) -> float:
    """What the trainings take that come next and last."""
    next_s = pace.training_s(chosen.recipe, chosen.next_epochs)
    if chosen.last_epochs == chosen.next_epochs:
        return next_s
    return next_s + pace.training_s(chosen.recipe, chosen.last_epochs)


def _pending(study: Study, number: float) -> list[Recipe]:
    """The recipes on their way that were asked for before the trial with this number."""
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return [recipe_of(other.params) for other in running if other.number < number and "epochs" in other.params]
