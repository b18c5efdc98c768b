"""Model sampler: learns from the trials what a network's shape means for figure and accuracy, and asks for what looks
most promising.

Networks are told apart by what they are, not by the values that name them: two regressions on a dozen features of the
shape replace the twenty-odd dimensions. A new network is trained for a few epochs only; about half of all training goes
to longer trainings of those that still look best. What could not end before the deadline is not asked for; while there
is time left, the most likely leader is, however unlikely.
"""

import math
import random
from collections.abc import Container, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial

from search.choosing.forecast import Forecast, forecast
from search.choosing.samplers import NOTHING_NEW, Sampler, SpaceExhausted, distributions, seed_of
from search.choosing.time_left import Pace, TimeLeft, cost
from search.choosing.trial_notes import Seen, history_of
from search.choosing.variation import Variation
from search.scoring.objectives import Objective
from space.dimensions import Dimension, Integer, Value, recipe_of
from space.networks.mobilenet_v1.layers import strides
from space.recipe import Recipe

# Epochs of the first training, and of those that follow where it pays.
RUNGS = (3, 10, 32)
# Points to choose from: around the best ones, and at random.
_NEAR, _ANEW, _PARENTS = 1000, 250, 12
# While new networks can be tried, a longer training has to be this likely to give a new leader.
_LIKELY = 0.1
# With a deadline, where no network is likelier than this to give a new leader, the likeliest one is tried: its expected
# improvement is too small a number to choose by.
_HOPELESS = 0.01
# Of a network that was not trained yet, not even for 0 epochs.
_NEVER = -1


@dataclass(frozen=True, slots=True)
class Option:
    """A network, for how many epochs it was trained at most, and which trainings come next and last."""

    values: dict[str, Value]
    recipe: Recipe
    trained: int
    following: int
    last: int


class ModelSampler(Sampler):
    def __init__(
        self,
        seed: int,
        table: Sequence[Dimension],
        known: Container[str],
        objective: Objective,
        least_accuracy: float,
        time_left: TimeLeft | None = None,
    ) -> None:
        self._seed = seed
        self._table = tuple(table)
        self._space = distributions(table)
        self._known = known
        self._objective = objective
        self._least_accuracy = least_accuracy
        self._time_left = time_left or TimeLeft()
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
        seen = history_of(study)
        pace = self._time_left.pace(seen)
        number = trial.number
        options = self._options(seen, number, pace)
        if not options:
            raise SpaceExhausted(self._why_nothing(seen, number, pace))
        ahead = forecast(
            seen, [(option.recipe, option.last) for option in options], self._objective, self._least_accuracy
        )
        if pace.limited and ahead.likely.max() < _HOPELESS:
            option = options[int(ahead.log_likely.argmax())]
        else:
            option = options[self._chosen(options, ahead, seen)]
        return {**option.values, "epochs": option.following}

    def _why_nothing(self, seen: Sequence[Seen], number: int, pace: Pace) -> str:
        """With more time there might be something."""
        options = self._options(seen, number, replace(pace, left_s=math.inf))
        trainings = [replace(option.recipe, epochs=option.following) for option in options]
        return pace.shortage(trainings) if trainings else NOTHING_NEW

    def _chosen(self, options: Sequence[Option], ahead: Forecast, history: Sequence[Seen]) -> int:
        """The most promising one: of those already trained while they had less of the training than the new ones."""
        tried = np.array([option.trained != _NEVER for option in options])
        if tried.all() or not tried.any():
            return int(ahead.promise.argmax())
        longer = int(np.where(tried, ahead.promise, -1.0).argmax())
        first = sum(cost(one.recipe, one.recipe.epochs) for one in history if one.recipe.epochs <= self._rungs[0])
        later = sum(cost(one.recipe, one.recipe.epochs) for one in history if one.recipe.epochs > self._rungs[0])
        if later < first and ahead.likely[longer] >= _LIKELY:
            return longer
        return int(np.where(tried, -1.0, ahead.promise).argmax())

    def _options(self, history: Sequence[Seen], number: int, pace: Pace) -> list[Option]:
        trained: dict[object, tuple[int, dict[str, Value]]] = {}
        for one in history:
            network = _network(one.recipe)
            # What was not trained cannot win, however long it would be.
            epochs = self._rungs[-1] if one.accuracy is None else one.recipe.epochs
            if epochs >= trained.get(network, (_NEVER, {}))[0]:
                trained[network] = epochs, dict(one.values)
        options = []
        for values in self._points(history, random.Random(seed_of(self._seed, number))):
            recipe = recipe_of(values)
            network = _network(recipe)
            if network not in trained:
                trained[network] = _NEVER, values
        for epochs, values in trained.values():
            option = self._option(values, epochs, pace)
            if option is not None:
                options.append(option)
        return options

    def _option(self, values: dict[str, Value], trained: int, pace: Pace) -> Option | None:
        recipe = recipe_of(values)

        def seconds(epochs: int) -> float:
            return pace.seconds(replace(recipe, epochs=epochs)) if pace.limited else 0.0

        ahead = [epochs for epochs in self._rungs if epochs > trained]
        # Where training is cheap beside measuring, the next may as well be a long one.
        while len(ahead) > 1 and pace.training_s(recipe, ahead[1]) <= 2 * pace.training_s(recipe, ahead[0]):
            ahead.pop(0)
        for following, last in [(ahead[0], last) for last in reversed(ahead[1:])] if ahead else []:
            if seconds(following) + seconds(last) <= pace.left_s:
                break
        else:
            fitting = [epochs for epochs in ahead if seconds(epochs) <= pace.left_s]
            if not fitting:
                return None
            following = last = fitting[-1]
        if replace(recipe, epochs=following).id in self._known:
            return None
        return Option(values, recipe, trained, following, last)

    def _points(self, history: Sequence[Seen], draw: random.Random) -> list[dict[str, Value]]:
        """Around the trials that came nearest to winning, and anywhere."""
        variation = Variation(self._table, draw)
        points = [variation.anew() for _ in range(_ANEW)]
        if history:
            known = forecast(
                history,
                [(one.recipe, max(self._rungs[-1], one.recipe.epochs)) for one in history],
                self._objective,
                self._least_accuracy,
            )
            parents = [dict(history[place].values) for place in np.argsort(-known.standing)[:_PARENTS]]
            for _ in range(_NEAR):
                one, other = draw.choice(parents), draw.choice(parents)
                points.append(variation.near(variation.between(one, other) if draw.random() < 0.3 else one))
        return points


def rungs(table: Sequence[Dimension]) -> tuple[int, ...]:
    """As far as the table lets training be so long."""
    epochs = next(dimension for dimension in table if dimension.name == "epochs")
    assert isinstance(epochs, Integer)
    return tuple(sorted({*(rung for rung in RUNGS if epochs.low <= rung <= epochs.high), epochs.high}))


def _network(recipe: Recipe) -> object:
    """What makes it another network, however it is named, begun and trained."""
    return strides(recipe.widths, recipe.halvings), recipe.quantization, recipe.threads, recipe.spinning
