"""Model sampler: learns from timings and trials what a network's shape means for figure and accuracy, and asks for what
looks most promising.

It begins with the latency model's front: brief trainings, from which it learns where the line lies. Then come first
looks at new networks, and longer trainings of those that look best, about half of all training each. The last third of
the time goes to trainings that can still win, as long as they pay. What holds the line is timed at other settings and
in other numbers as soon as it may lead there: that takes seconds. What could not end before the deadline is not asked
for; while there is time left, the most likely leader is, however unlikely.
"""

import math
import random
from collections.abc import Callable, Container, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from itertools import product
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from search.choosing.error_model import learned, most_telling
from search.choosing.experience import NO_EXPERIENCE, Experience
from search.choosing.first_recipes import COUNT, front
from search.choosing.forecast import Forecast, Forecaster
from search.choosing.gaussian_process import Trend
from search.choosing.latency_model import LatencyModel, Timing
from search.choosing.options import NEVER, Option, deployed, longest_trainings, option, rungs, shape
from search.choosing.sampler import NOTHING_NEW, Sampler, SpaceExhausted, distributions, seed_of
from search.choosing.time_left import Pace, TimeLeft, cost
from search.choosing.trial_notes import TrialNotes, history_of
from search.choosing.variation import Variation
from search.scoring.objectives import Objective
from space.dimension import Choice, Dimension, Value
from space.dimensions import RUNTIME, recipe_of
from space.formats.names import DEFAULT_RUNTIME
from space.recipe import Recipe

# Points to choose from: so many at random and so many around the best ones, of which so many count as the best; then so
# many around the most promising of all those, in each of so many generations.
_ANEW, _NEAR, _PARENTS, _PROMISING, _AGAIN, _GENERATIONS = 250, 600, 12, 12, 250, 2
# Trainings that place the line, as far as others have not done so already.
_PLACING = 5
# Of so many times as many budgets as others begin with: the cheap ones among them are not far apart then.
_FINER = 3
# The share of a run's time that one of them may take.
_OF_PLACING = 1 / 40
# While new networks can be tried, a longer training has to be this likely to give a new leader, and so has a variant.
_LIKELY = 0.1
# With a deadline, where no network is likelier than this to give a new leader, the likeliest one is tried: its expected
# improvement is too small a number to choose by.
_HOPELESS = 0.01
# The share of a run that goes to those that can still win. What is looked at before is judged by the longest training
# of which this share holds so many.
_LAST, _LAST_TRAININGS = 1 / 3, 3
# So many of the most promising networks are looked at with every length of training.
_CONTENDERS = 60
# So many of the most promising new networks are looked at with every setting.
_AT_EVERY_SETTING = 12
# Of those that hold the line so many, the best first, are looked at with every setting.
_HOLDING = 20
# Trials that an ask is about: the best and the most recent.
_MOST_TRIALS = 500
# More than the logarithm of any figure, and than any accuracy.
_HOLDS = 1000.0
# What the deployed file is, and how it is run: the same weights serve all of it.
_DEPLOYMENT = (RUNTIME, "quantization", "threads", "spinning")


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
    ) -> None:
        """`timings`: of the look at the device. `experience`: what other studies found out."""
        self._seed = seed
        self._table = tuple(table)
        self._space = distributions(table)
        self._known = known
        self._objective = objective
        self._least_accuracy = least_accuracy
        self._time_left = time_left or TimeLeft()
        self._timings = tuple(timings)
        self._experience = experience
        self._trend = learned(experience.elsewhere)
        steps = rungs(table)
        self._whole_s = self._time_left.left_s()
        # Without a deadline trials are what is short, not time: first looks are longer.
        self._rungs = steps if self._whole_s < math.inf else steps[1:] or steps

    @cached_property
    def _front(self) -> list[dict[str, Value]]:
        return [dict(values) for values in _front_of(self._table, self._timings, self._trend)]

    def gives_up(self, recipe: Recipe) -> bool:
        """A first look is short by intent, whatever it reaches."""
        return recipe.epochs > self._rungs[1 if len(self._rungs) > 2 else 0]

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._space

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        # An ask takes as long after ten thousand trials as after five hundred.
        history = most_telling(history_of(study), self._goodness, _MOST_TRIALS)
        pace = self._time_left.pace(history)
        pending = _pending(study, trial)
        forecaster = self._forecaster(history, pending)
        if (variant := self._likely_variant(history, pace, forecaster)) is not None:
            return variant
        if (placing := self._placing(history, pending, pace, forecaster)) is not None:
            return placing
        options = self._options(history, trial.number, pace, forecaster)
        if not options:
            raise SpaceExhausted(self._why_nothing(history, trial.number, pace, forecaster))
        if pace.limited and pace.left_s < _LAST * self._whole_s:
            return self._contender(options, pace, forecaster)
        prediction = forecaster.forecast([(each.recipe, each.last_epochs) for each in options])
        if pace.limited and prediction.probability_of_leading.max() < _HOPELESS:
            chosen = options[int(prediction.log_probability_of_leading.argmax())]
        else:
            chosen = options[self._most_promising(options, prediction, [*map(_recipe, history), *pending], pace)]
        return {**chosen.values, "epochs": chosen.next_epochs}

    def _goodness(self, trial: TrialNotes) -> float:
        """What holds the line comes before all else, by its figure; the others by their accuracy."""
        if trial.feasible_value is None:
            return trial.accuracy or 0.0
        return _HOLDS + (trial.feasible_value if self._objective.maximise else -trial.feasible_value)

    def _forecaster(self, history: Sequence[TrialNotes], pending: Sequence[Recipe]) -> Forecaster:
        return Forecaster.fitted(
            history,
            self._timings,
            self._objective,
            self._least_accuracy,
            self._trend,
            self._experience.alike,
            pending,
        )

    def _placing(
        self, history: Sequence[TrialNotes], pending: Sequence[Recipe], pace: Pace, forecaster: Forecaster
    ) -> dict[str, Value] | None:
        """The network of the front of which it is least certain whether it holds the line; None once enough of them, or
        of others, were trained or are on their way."""
        awaited = set(map(shape, pending))
        seen = awaited | {shape(trial.recipe) for trial in history if trial.accuracy is not None}
        if len(seen) >= _PLACING or len(self._experience.alike) >= 2 * _PLACING:
            return None
        tried = awaited | {shape(trial.recipe) for trial in history}
        recipes = [(values, recipe_of({**values, "epochs": self._rungs[0]})) for values in self._front]
        fitting = [
            (values, recipe)
            for values, recipe in recipes
            if recipe.id not in self._known and shape(recipe) not in tried
            # One that takes much of the time teaches less than several shorter ones do.
            if not pace.limited or pace.training_s(recipe, recipe.epochs) <= _OF_PLACING * self._whole_s
            if pace.fits(recipe)
        ]
        if not fitting:
            return None
        last = self._judged_by(pace)
        feasible = forecaster.forecast([(recipe, last(recipe)) for _, recipe in fitting]).probability_feasible
        # A short training that may go either way teaches the most for its time.
        seconds = np.array([pace.training_s(recipe, recipe.epochs) for _, recipe in fitting])
        values, recipe = fitting[int((feasible * (1 - feasible) / seconds).argmax())]
        return {**values, "epochs": recipe.epochs}

    def _judged_by(self, pace: Pace) -> Callable[[Recipe], int]:
        """By how long a training a network is judged: the longest of which the last part of the run holds some."""

        def last_epochs(recipe: Recipe) -> int:
            if not pace.limited:
                return self._rungs[-1]
            room_s = min(_LAST * self._whole_s, pace.left_s) / _LAST_TRAININGS
            within = [epochs for epochs in self._rungs if pace.training_s(recipe, epochs) <= room_s]
            return max(within, default=self._rungs[0])

        return last_epochs

    def _contender(self, options: Sequence[Option], pace: Pace, forecaster: Forecaster) -> dict[str, Value]:
        """The training with the highest expected improvement for its seconds, of any network and length."""
        prediction = forecaster.forecast([(each.recipe, each.last_epochs) for each in options])
        likeliest = np.argsort(-prediction.log_probability_of_leading)[:_CONTENDERS]
        most_improving = np.argsort(-prediction.expected_improvement)[:_CONTENDERS]
        trainings = []
        for each in dict.fromkeys([*likeliest, *most_improving]):
            chosen = options[each]
            for epochs in sorted({*self._rungs[1:], self._longest_fitting(chosen, pace)}):
                recipe = replace(chosen.recipe, epochs=epochs)
                if epochs > chosen.trained_epochs and recipe.id not in self._known and pace.fits(recipe):
                    trainings.append((chosen, epochs))
        if not trainings:
            chosen = options[int(prediction.log_probability_of_leading.argmax())]
            return {**chosen.values, "epochs": chosen.next_epochs}
        prediction = forecaster.forecast([(chosen.recipe, epochs) for chosen, epochs in trainings])
        seen = np.array([not chosen.is_new for chosen, _ in trainings])
        if (seen & (prediction.probability_of_leading >= _LIKELY)).any():
            # What was looked at already is told far better than what was not.
            trainings = [training for training in trainings if not training[0].is_new]
            prediction = forecaster.forecast([(chosen.recipe, epochs) for chosen, epochs in trainings])
        seconds = np.array([pace.training_s(chosen.recipe, epochs) for chosen, epochs in trainings])
        if prediction.probability_of_leading.max() < _HOPELESS:
            place = int(prediction.log_probability_of_leading.argmax())
        else:
            place = int((prediction.expected_improvement / seconds).argmax())
        chosen, epochs = trainings[place]
        return {**chosen.values, "epochs": epochs}

    def _longest_fitting(self, chosen: Option, pace: Pace) -> int:
        """So many epochs as end in time, at most the longest training; the last one uses the time up."""
        first, longest = self._rungs[0], self._rungs[-1]
        start_s = pace.seconds(replace(chosen.recipe, epochs=first))
        each_s = (pace.training_s(chosen.recipe, longest) - pace.training_s(chosen.recipe, first)) / (
            longest - first or 1
        )
        return max(first, min(longest, first + int((pace.left_s - start_s) / max(each_s, 1e-9))))

    def _why_nothing(self, history: Sequence[TrialNotes], number: int, pace: Pace, forecaster: Forecaster) -> str:
        """Why there is no option: more time might bring some, else every recipe is known."""
        options = self._options(history, number, replace(pace, left_s=math.inf), forecaster)
        trainings = [replace(each.recipe, epochs=each.next_epochs) for each in options]
        return pace.shortage(trainings) if trainings else NOTHING_NEW

    def _most_promising(
        self, options: Sequence[Option], prediction: Forecast, begun: Sequence[Recipe], pace: Pace
    ) -> int:
        """The place of the option with the highest expected improvement, where time is short for the seconds that it
        takes to see it: among networks already trained, while those had less of all training than first looks had;
        else among new ones."""
        improvement = prediction.expected_improvement
        if pace.limited:
            improvement = improvement / np.array([_seconds_until_seen(each, pace) for each in options])
        trained = np.array([not each.is_new for each in options])
        if trained.all() or not trained.any():
            return int(improvement.argmax())
        longer = int(np.where(trained, improvement, -1.0).argmax())
        # What several runtimes share is trained once.
        once = {replace(recipe, runtime=DEFAULT_RUNTIME).id: recipe for recipe in begun}.values()
        costs = [(recipe.epochs, cost(recipe, recipe.epochs)) for recipe in once]
        first_looks = sum(training for epochs, training in costs if epochs <= self._rungs[0])
        longer_ones = sum(training for epochs, training in costs if epochs > self._rungs[0])
        if longer_ones < first_looks and prediction.probability_of_leading[longer] >= _LIKELY:
            return longer
        return int(np.where(trained, -1.0, improvement).argmax())

    def _options(self, history: Sequence[TrialNotes], number: int, pace: Pace, forecaster: Forecaster) -> list[Option]:
        longest = longest_trainings(history, self._rungs[-1])
        last = self._judged_by(pace)
        found: dict[object, Option] = {}

        def add(values: dict[str, Value], trained_epochs: int) -> None:
            recipe = recipe_of(values)
            made = option(values, recipe, trained_epochs, self._rungs, pace)
            if made is not None and replace(recipe, epochs=made.next_epochs).id not in self._known:
                found[deployed(recipe)] = replace(
                    made, last_epochs=max(made.next_epochs, min(made.last_epochs, last(recipe)))
                )

        for epochs, values in longest.values():
            add(values, epochs)
        draw = random.Random(seed_of(self._seed, number))
        variation = Variation(self._table, draw)
        for values in self._points(history, variation, draw, forecaster, last):
            if deployed(recipe_of(values)) not in longest:
                add(values, NEVER)
        for _ in range(_GENERATIONS):
            new = [each for each in found.values() if each.is_new]
            if not new:
                break
            merit = forecaster.forecast([(each.recipe, each.last_epochs) for each in new]).expected_improvement
            best = [new[place] for place in np.argsort(-merit)[:_PROMISING]]
            for values in [variation.near(draw.choice(best).values) for _ in range(_AGAIN)]:
                if deployed(recipe_of(values)) not in longest:
                    add(values, NEVER)
        new = [each for each in found.values() if each.is_new]
        if new:
            merit = forecaster.forecast([(each.recipe, each.last_epochs) for each in new]).expected_improvement
            for place in np.argsort(-merit)[:_AT_EVERY_SETTING]:
                for values in self._deployments(new[place].values):
                    if deployed(recipe_of(values)) not in longest:
                        add(values, NEVER)
        return list(found.values())

    def _deployments(self, values: Mapping[str, Value]) -> Iterator[dict[str, Value]]:
        """The same weights in every file and at every setting that the table has."""
        varying = [dimension for dimension in self._table if dimension.name in _DEPLOYMENT]
        for choice in product(*map(_choices, varying)):
            yield {**values, **dict(zip((dimension.name for dimension in varying), choice, strict=True))}

    def _points(
        self,
        history: Sequence[TrialNotes],
        variation: Variation,
        draw: random.Random,
        forecaster: Forecaster,
        last: Callable[[Recipe], int],
    ) -> list[dict[str, Value]]:
        """At random, on the front, and around the trials that came nearest to winning."""
        points = [variation.anew() for _ in range(_ANEW)]
        points += self._front
        if history:
            prediction = forecaster.forecast(
                [(trial.recipe, max(last(trial.recipe), trial.recipe.epochs)) for trial in history]
            )
            best = np.argsort(-prediction.expected_merit)[:_PARENTS]
            parents = [dict(history[place].values) for place in best]
            for _ in range(_NEAR):
                first, second = draw.choice(parents), draw.choice(parents)
                points.append(variation.near(variation.between(first, second) if draw.random() < 0.3 else first))
        return points

    def _likely_variant(
        self, history: Sequence[TrialNotes], pace: Pace, forecaster: Forecaster
    ) -> dict[str, Value] | None:
        """The likeliest new leader among the variants; None where none is likely."""
        variants = [(values, recipe_of(values)) for values in self._variants(history)]
        new = [(values, recipe) for values, recipe in variants if recipe.id not in self._known and pace.fits(recipe)]
        if not new:
            return None
        likely = forecaster.forecast([(recipe, recipe.epochs) for _, recipe in new]).probability_of_leading
        place = int(likely.argmax())
        return new[place][0] if likely[place] >= _LIKELY else None

    def _variants(self, history: Sequence[TrialNotes]) -> Iterator[dict[str, Value]]:
        """What holds the minimum accuracy, by its longest training, with every deployment in which it was not looked at
        for so long."""
        seen = longest_trainings(history, self._rungs[-1])
        sign = 1.0 if self._objective.maximise else -1.0
        holding = sorted((trial for trial in history if trial.feasible_value is not None), key=_epochs)
        longest = {shape(trial.recipe): trial for trial in holding}.values()
        for trial in sorted(longest, key=lambda trial: -sign * (trial.feasible_value or 0.0))[:_HOLDING]:
            for values in self._deployments(trial.values):
                if seen.get(deployed(recipe_of(values)), (NEVER, {}))[0] < trial.recipe.epochs:
                    yield values


@lru_cache(maxsize=16)
def _front_of(table: tuple[Dimension, ...], timings: tuple[Timing, ...], trend: Trend) -> list[dict[str, Value]]:
    """Kept: the studies of a run begin alike."""
    return front(table, LatencyModel.fitted(timings), trend, _FINER * COUNT)


def _seconds_until_seen(chosen: Option, pace: Pace) -> float:
    """What the trainings take that come next and last."""
    next_s = pace.training_s(chosen.recipe, chosen.next_epochs)
    if chosen.last_epochs == chosen.next_epochs:
        return next_s
    return next_s + pace.training_s(chosen.recipe, chosen.last_epochs)


def _choices(dimension: Dimension) -> Sequence[Value]:
    return dimension.choices if isinstance(dimension, Choice) else range(dimension.low, dimension.high + 1)


def _recipe(trial: TrialNotes) -> Recipe:
    return trial.recipe


def _epochs(trial: TrialNotes) -> int:
    return trial.recipe.epochs


def _pending(study: Study, trial: FrozenTrial) -> list[Recipe]:
    """Those on their way, but the one that is asked for now."""
    running = study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
    return [recipe_of(other.params) for other in running if other.number < trial.number and "epochs" in other.params]
