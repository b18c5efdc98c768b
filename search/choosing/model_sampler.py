"""Model sampler: learns from the trials what a network's shape means for figure and accuracy, and asks for what looks
most promising.

Networks are told apart by what they are, not by the values that name them: two surrogates on a dozen features of the
shape replace the twenty-odd dimensions. A new network is trained for a few epochs only; about half of all training goes
to longer trainings of those that still look best. Where several runtimes compete, what was trained for one of them is
timed in another, and in other numbers, as soon as it may lead there: that takes seconds. What could not end before the
deadline is not asked for; while there is time left, the most likely leader is, however unlikely.
"""

import math
import random
from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial

from search.choosing.forecast import Forecast, forecast
from search.choosing.latency_model import Timing
from search.choosing.sampler import NOTHING_NEW, Sampler, SpaceExhausted, distributions, seed_of
from search.choosing.time_left import Pace, TimeLeft, cost
from search.choosing.trial_notes import TrialNotes, history_of
from search.choosing.variation import Variation
from search.scoring.objectives import Objective
from space.dimension import Choice, Dimension, Integer, Value
from space.dimensions import RUNTIME, recipe_of
from space.formats.names import DEFAULT_RUNTIME
from space.networks.choose import network_of
from space.recipe import Recipe

# Epochs of the first training, and of those that follow where it pays: each about three times as long.
RUNGS = (3, 10, 32)
# Points to choose from: so many around the best ones, so many at random, and how many count as the best.
_NEAR, _ANEW, _PARENTS = 1000, 250, 12
# While new networks can be tried, a longer training has to be this likely to give a new leader, and so has a variant.
_LIKELY = 0.1
# With a deadline, where no network is likelier than this to give a new leader, the likeliest one is tried: its expected
# improvement is too small a number to choose by.
_HOPELESS = 0.01
# Epochs of a network that was not trained yet, not even for 0 epochs.
_NEVER = -1


@dataclass(frozen=True, slots=True)
class Option:
    """A network that may be asked for, with the longest training it had and those that come next and last."""

    values: dict[str, Value]
    recipe: Recipe
    trained_epochs: int
    next_epochs: int
    last_epochs: int


class ModelSampler(Sampler):
    def __init__(
        self,
        seed: int,
        table: Sequence[Dimension],
        known: Container[str],
        objective: Objective,
        least_accuracy: float,
        time_left: TimeLeft | None = None,
        *,
        timings: Sequence[Timing] = (),
    ) -> None:
        self._seed = seed
        self._table = tuple(table)
        self._space = distributions(table)
        self._known = known
        self._objective = objective
        self._least_accuracy = least_accuracy
        self._time_left = time_left or TimeLeft()
        self._timings = tuple(timings)
        choices = {dimension.name: dimension.choices for dimension in table if isinstance(dimension, Choice)}
        self._runtimes, self._quantizations = choices.get(RUNTIME, ()), choices["quantization"]
        steps = rungs(table)
        # Without a deadline trials are what is short, not time: first looks are longer.
        self._rungs = steps if self._time_left.left_s() < math.inf else steps[1:] or steps

    def gives_up(self, recipe: Recipe) -> bool:
        """A first look is short by intent, whatever it reaches."""
        return recipe.epochs >= self._rungs[-1]

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._space

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        history = history_of(study)
        pace = self._time_left.pace(history)
        if (variant := self._likely_variant(history, pace)) is not None:
            return variant
        options = self._options(history, trial.number, pace)
        if not options:
            raise SpaceExhausted(self._why_nothing(history, trial.number, pace))
        prediction = self._forecast(history, [(option.recipe, option.last_epochs) for option in options])
        if pace.limited and prediction.probability_of_leading.max() < _HOPELESS:
            chosen = options[int(prediction.log_probability_of_leading.argmax())]
        else:
            chosen = options[self._most_promising(options, prediction, history)]
        return {**chosen.values, "epochs": chosen.next_epochs}

    def _forecast(self, history: Sequence[TrialNotes], networks: Sequence[tuple[Recipe, int]]) -> Forecast:
        return forecast(history, networks, self._objective, self._least_accuracy)

    def _why_nothing(self, history: Sequence[TrialNotes], number: int, pace: Pace) -> str:
        """Why there is no option: more time might bring some, else every recipe is known."""
        options = self._options(history, number, replace(pace, left_s=math.inf))
        trainings = [replace(option.recipe, epochs=option.next_epochs) for option in options]
        return pace.shortage(trainings) if trainings else NOTHING_NEW

    def _most_promising(self, options: Sequence[Option], prediction: Forecast, history: Sequence[TrialNotes]) -> int:
        """The place of the option with the highest expected improvement: among networks already trained, while those
        had less of all training than first looks had; else among new ones."""
        improvement = prediction.expected_improvement
        trained = np.array([option.trained_epochs != _NEVER for option in options])
        if trained.all() or not trained.any():
            return int(improvement.argmax())
        longer = int(np.where(trained, improvement, -1.0).argmax())
        # What several runtimes share is trained once.
        once = {replace(trial.recipe, runtime=DEFAULT_RUNTIME).id: trial.recipe for trial in history}.values()
        costs = [(recipe.epochs, cost(recipe, recipe.epochs)) for recipe in once]
        first_looks = sum(training for epochs, training in costs if epochs <= self._rungs[0])
        longer_ones = sum(training for epochs, training in costs if epochs > self._rungs[0])
        if longer_ones < first_looks and prediction.probability_of_leading[longer] >= _LIKELY:
            return longer
        return int(np.where(trained, -1.0, improvement).argmax())

    def _options(self, history: Sequence[TrialNotes], number: int, pace: Pace) -> list[Option]:
        longest = self._longest(history)
        for values in self._points(history, random.Random(seed_of(self._seed, number))):
            longest.setdefault(_network(recipe_of(values)), (_NEVER, values))
        options = (self._option(values, epochs, pace) for epochs, values in longest.values())
        return [option for option in options if option is not None]

    def _longest(self, history: Sequence[TrialNotes]) -> dict[object, tuple[int, dict[str, Value]]]:
        """The longest training of each network, and its values."""
        longest: dict[object, tuple[int, dict[str, Value]]] = {}
        for trial in history:
            network = _network(trial.recipe)
            # What was not trained cannot win, however long it would be.
            epochs = self._rungs[-1] if trial.accuracy is None else trial.recipe.epochs
            if epochs >= longest.get(network, (_NEVER, {}))[0]:
                longest[network] = epochs, dict(trial.values)
        return longest

    def _likely_variant(self, history: Sequence[TrialNotes], pace: Pace) -> dict[str, Value] | None:
        """The likeliest new leader among the variants; None where none is likely."""
        variants = [(values, recipe_of(values)) for values in self._variants(history)]
        new = [(values, recipe) for values, recipe in variants if recipe.id not in self._known and pace.fits(recipe)]
        if not new:
            return None
        likely = self._forecast(history, [(recipe, recipe.epochs) for _, recipe in new]).probability_of_leading
        place = int(likely.argmax())
        return new[place][0] if likely[place] >= _LIKELY else None

    def _variants(self, history: Sequence[TrialNotes]) -> Iterator[dict[str, Value]]:
        """What holds the minimum accuracy, by its longest training, with every runtime and quantization in which it was
        not looked at for so long; nothing where one runtime is all there is."""
        if len(self._runtimes) < 2:
            return
        seen = self._longest(history)
        holding = sorted((trial for trial in history if trial.feasible_value is not None), key=_epochs)
        for trial in {_shape(trial.recipe): trial for trial in holding}.values():
            for runtime, quantization in product(self._runtimes, self._quantizations):
                values = {**trial.values, RUNTIME: runtime, "quantization": quantization}
                if seen.get(_network(recipe_of(values)), (_NEVER, {}))[0] < trial.recipe.epochs:
                    yield values

    def _option(self, values: dict[str, Value], trained_epochs: int, pace: Pace) -> Option | None:
        recipe = recipe_of(values)

        def seconds(epochs: int) -> float:
            return pace.seconds(replace(recipe, epochs=epochs)) if pace.limited else 0.0

        longer = [epochs for epochs in self._rungs if epochs > trained_epochs]
        # Where training is cheap beside measuring, the next may as well be a long one.
        while len(longer) > 1 and pace.training_s(recipe, longer[1]) <= 2 * pace.training_s(recipe, longer[0]):
            longer.pop(0)
        for next_epochs, last_epochs in [(longer[0], last) for last in reversed(longer[1:])] if longer else []:
            if seconds(next_epochs) + seconds(last_epochs) <= pace.left_s:
                break
        else:
            fitting = [epochs for epochs in longer if seconds(epochs) <= pace.left_s]
            if not fitting:
                return None
            next_epochs = last_epochs = fitting[-1]
        if replace(recipe, epochs=next_epochs).id in self._known:
            return None
        return Option(values, recipe, trained_epochs, next_epochs, last_epochs)

    def _points(self, history: Sequence[TrialNotes], draw: random.Random) -> list[dict[str, Value]]:
        """Around the trials that came nearest to winning, and anywhere."""
        variation = Variation(self._table, draw)
        points = [variation.anew() for _ in range(_ANEW)]
        if history:
            longest = self._rungs[-1]
            prediction = self._forecast(
                history, [(trial.recipe, max(longest, trial.recipe.epochs)) for trial in history]
            )
            best = np.argsort(-prediction.expected_merit)[:_PARENTS]
            parents = [dict(history[place].values) for place in best]
            for _ in range(_NEAR):
                first, second = draw.choice(parents), draw.choice(parents)
                points.append(variation.near(variation.between(first, second) if draw.random() < 0.3 else first))
        return points


def rungs(table: Sequence[Dimension]) -> tuple[int, ...]:
    """Epochs of the first training and of longer ones, as far as the table lets training be so long."""
    epochs = next(dimension for dimension in table if dimension.name == "epochs")
    assert isinstance(epochs, Integer)
    return tuple(sorted({*(rung for rung in RUNGS if epochs.low <= rung <= epochs.high), epochs.high}))


def _epochs(trial: TrialNotes) -> int:
    return trial.recipe.epochs


def _shape(recipe: Recipe) -> object:
    """What makes it another network before it is deployed."""
    return network_of(recipe).same(recipe.widths, recipe.halvings)


def _network(recipe: Recipe) -> object:
    """What makes it another network, however it is named, begun and trained."""
    deployed = (
        recipe.quantization,
        recipe.aware_epochs,
        recipe.equalized,
        recipe.threads,
        recipe.spinning,
        recipe.runtime,
    )
    return _shape(recipe), deployed
