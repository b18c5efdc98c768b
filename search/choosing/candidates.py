"""Candidates: networks among which an ask of the model sampler chooses: those already trained, and many new ones."""

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import numpy as np

from search.choosing.options import NEVER, Option, deployed, longest_trainings, next_training, shape
from search.choosing.situation import Situation
from search.choosing.trial_notes import TrialNotes
from search.choosing.variation import SHARES, Variation
from space.dimension import Value
from space.dimensions import recipe_of
from space.recipe import Recipe

# Points to choose from: so many at random and so many around the best ones, of which so many count as the best; then so
# many around the most promising of all those, in each of so many generations.
_ANEW, _NEAR, _PARENTS, _PROMISING, _AGAIN, _GENERATIONS = 250, 600, 12, 12, 250, 2
# The sampler considers every deployment of so many new networks, those with the highest expected improvement.
_AT_EVERY_SETTING = 12
# The sampler considers every deployment of so many trained networks that hold the line, the best ones; and the other
# files of so many that miss it, the most accurate ones.
_HOLDING, _MISSING = 20, 5


def candidates(situation: Situation, front: Sequence[dict[str, Value]], draw: random.Random) -> list[Option]:
    variation = Variation(situation.table, draw)
    gathered = _Gathered(situation)
    gathered.add_new([*_points(situation, variation, draw), *front])
    for _ in range(_GENERATIONS):
        if best := gathered.most_promising(_PROMISING):
            gathered.add_new(variation.near(draw.choice(best).values) for _ in range(_AGAIN))
    for option in gathered.most_promising(_AT_EVERY_SETTING):
        gathered.add_new(situation.deployments(option.values))
    return gathered.options


class _Gathered:
    def __init__(self, situation: Situation) -> None:
        self._situation = situation
        self._longest = longest_trainings(situation.history, situation.rungs[-1])
        self._by_network: dict[object, Option] = {}
        for epochs, values in self._longest.values():
            self._add(values, recipe_of(values), epochs)

    @property
    def options(self) -> list[Option]:
        return list(self._by_network.values())

    def add_new(self, points: Iterable[dict[str, Value]]) -> None:
        for values in points:
            recipe = recipe_of(values)
            if deployed(recipe) not in self._longest:
                self._add(values, recipe, NEVER)

    def most_promising(self, count: int) -> list[Option]:
        """The most promising of the new options, at most so many."""
        new = [each for each in self._by_network.values() if each.is_new]
        if not new:
            return []
        prediction = self._situation.forecaster.forecast([(each.recipe, each.last_epochs) for each in new])
        return [new[place] for place in np.argsort(-prediction.expected_improvement)[:count]]

    def _add(self, values: dict[str, Value], recipe: Recipe, trained_epochs: int) -> None:
        next_epochs = next_training(recipe, trained_epochs, self._situation.rungs, self._situation.pace_of_looks)
        if next_epochs is not None and replace(recipe, epochs=next_epochs).id not in self._situation.known:
            last_epochs = self._situation.judged_epochs(recipe, next_epochs)
            self._by_network[deployed(recipe)] = Option(values, recipe, trained_epochs, next_epochs, last_epochs)


def variants(situation: Situation) -> Iterator[dict[str, Value]]:
    """What holds the minimum accuracy, by its longest training, with every deployment in which it was not looked at for
    so long; and the other files of what misses it, one of which may hold it."""
    seen = longest_trainings(situation.history, situation.rungs[-1])

    def is_new(recipe: Recipe, trial: TrialNotes) -> bool:
        return seen.get(deployed(recipe), (NEVER, {}))[0] < trial.recipe.epochs

    sign = 1.0 if situation.objective.maximise else -1.0
    trained = sorted((trial for trial in situation.history if trial.accuracy and not trial.given_up), key=_epochs)
    longest = {shape(trial.recipe): trial for trial in trained if trial.feasible_value is not None}
    for trial in sorted(longest.values(), key=lambda trial: -sign * (trial.feasible_value or 0.0))[:_HOLDING]:
        for values in situation.deployments(trial.values):
            if is_new(recipe_of(values), trial):
                yield values
    missing = {shape(trial.recipe): trial for trial in trained if shape(trial.recipe) not in longest}
    for trial in sorted(missing.values(), key=lambda trial: -(trial.accuracy or 0.0))[:_MISSING]:
        for values in situation.deployments(trial.values):
            recipe = recipe_of(values)
            # Another file may answer otherwise; other threads do not.
            is_other_file = recipe.quantization != trial.recipe.quantization and recipe.threads == trial.recipe.threads
            if is_other_file and is_new(recipe, trial):
                yield values


def _points(situation: Situation, variation: Variation, draw: random.Random) -> Iterator[dict[str, Value]]:
    """Points at random, the unpruned network evenly narrowed, and points around the trials that came nearest to
    winning."""
    for _ in range(_ANEW):
        yield variation.anew()
    yield from map(variation.thinned, SHARES)
    if not situation.history:
        return
    longest = [
        (trial.recipe, situation.judged_epochs(trial.recipe, trial.recipe.epochs)) for trial in situation.history
    ]
    best = np.argsort(-situation.forecaster.forecast(longest).expected_merit)[:_PARENTS]
    parents = [dict(situation.history[place].values) for place in best]
    for _ in range(_NEAR):
        first, second = draw.choice(parents), draw.choice(parents)
        yield variation.near(variation.between(first, second) if draw.random() < 0.3 else first)


def _epochs(trial: TrialNotes) -> int:
    return trial.recipe.epochs
