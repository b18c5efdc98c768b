"""Optuna's samplers: asked until the recipe is a new one; every ask is a function of seed, number and history."""

import random
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from search.choosing.sampler import NOTHING_NEW, Sampler, SpaceExhausted, distributions, seed_of
from search.choosing.time_left import Pace, TimeLeft
from space.dimension import Choice, Dimension, Value
from space.dimensions import points, recipe_of
from space.recipe import Recipe
from space.threads import one_thread

# Suggestions of Optuna's sampler that may turn out to be known, before a neighbour of the last one is taken instead.
_SUGGESTIONS = 3
# Draws without a new recipe after which the space is taken to hold none.
_DRAWS = 2000
# Trials (first recipes or random ones) before a sampler models anything; Optuna's own default.
STARTUP_TRIALS = 10


def _gp(seed: int) -> BaseSampler:
    return GPSampler(seed=seed, n_startup_trials=STARTUP_TRIALS)


def _tpe(seed: int) -> BaseSampler:
    return TPESampler(seed=seed, n_startup_trials=STARTUP_TRIALS)


def _nsga2(seed: int) -> BaseSampler:
    return NSGAIISampler(seed=seed, population_size=20)


def _random(seed: int) -> BaseSampler:
    return RandomSampler(seed=seed)


SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {"gp": _gp, "tpe": _tpe, "nsga2": _nsga2, "random": _random}


class DistinctSampler(Sampler):
    """Asks `name`'s sampler again, and at last takes a neighbour, until the recipe is one that nobody knows and that
    ends in time."""

    def __init__(
        self,
        name: str,
        seed: int,
        table: Sequence[Dimension],
        known: Container[str],
        time_left: TimeLeft | None = None,
    ) -> None:
        self._make = SAMPLERS[name]
        self._seed = seed
        self._table = tuple(table)
        self._space = distributions(table)
        # Optuna's samplers warn of each dimension that has one value.
        self._fixed = {name: value for name, value in next(points(table)).items() if self._space[name].single()}
        self._known = known
        self._time_left = time_left or TimeLeft()

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._space

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        pace = self._time_left.pace_of(study)
        values: dict[str, Value] = {}
        for attempt in range(_SUGGESTIONS):
            sampler = self._make(seed_of(self._seed, trial.number, attempt))
            relative = sampler.infer_relative_search_space(study, trial)
            # The GP sampler computes with torch.
            with one_thread():
                values = self._fixed | sampler.sample_relative(study, trial, relative)
            for name, distribution in search_space.items():
                if name not in values:
                    values[name] = sampler.sample_independent(study, trial, name, distribution)
            recipe = recipe_of(values)
            if recipe.id not in self._known and pace.fits(recipe):
                return dict(values)
        return self._neighbour(values, seed_of(self._seed, trial.number, _SUGGESTIONS), pace)

    def after_trial(self, study: Study, trial: FrozenTrial, state: TrialState, values: Sequence[float] | None) -> None:
        self._make(seed_of(self._seed, trial.number)).after_trial(study, trial, state, values)

    def _neighbour(self, values: Mapping[str, Value], seed: int, pace: Pace) -> dict[str, Value]:
        """Changes ever more values at random."""
        draw = random.Random(seed)
        changed = dict(values)
        too_long: list[Recipe] = []
        for _ in range(_DRAWS):
            recipe = recipe_of(changed)
            if recipe.id not in self._known:
                if pace.fits(recipe):
                    return changed
                too_long.append(recipe)
            dimension = draw.choice(self._table)
            changed[dimension.name] = (
                draw.choice(dimension.choices)
                if isinstance(dimension, Choice)
                else draw.randint(dimension.low, dimension.high)
            )
        raise SpaceExhausted(pace.shortage(too_long) if too_long else NOTHING_NEW)
