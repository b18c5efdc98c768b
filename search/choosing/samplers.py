"""Samplers: Optuna's words for our dimensions; every ask a function of seed, number and history; no recipe twice."""

import hashlib
import random
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.samplers import BaseSampler, GPSampler, NSGAIISampler, RandomSampler, TPESampler
from optuna.study import Study
from optuna.trial import FrozenTrial, TrialState

from search.choosing.time_left import Pace, TimeLeft
from space.dimensions import Choice, Dimension, Value, points, recipe_of
from space.recipe import Recipe
from space.training.threads import one_thread

# Suggestions of the sampler that may turn out known, before a neighbour of the last one is taken instead.
_SUGGESTIONS = 3
# Draws without a new recipe after which the space is taken to hold none.
_DRAWS = 2000
# Random trials, or those of the ladder, before a sampler models anything.
STARTUP_TRIALS = 10
NOTHING_NEW = "every recipe of this space is known; another --space or --fix has more"


class SpaceExhausted(Exception):
    """There is nothing left to ask for; said with the reason, or with what would have more."""


def _gp(seed: int) -> BaseSampler:
    return GPSampler(seed=seed, n_startup_trials=STARTUP_TRIALS)


def _tpe(seed: int) -> BaseSampler:
    return TPESampler(seed=seed, n_startup_trials=STARTUP_TRIALS)


def _nsga2(seed: int) -> BaseSampler:
    return NSGAIISampler(seed=seed, population_size=20)


def _random(seed: int) -> BaseSampler:
    return RandomSampler(seed=seed)


SAMPLERS: dict[str, Callable[[int], BaseSampler]] = {"gp": _gp, "tpe": _tpe, "nsga2": _nsga2, "random": _random}


def distributions(table: Sequence[Dimension]) -> dict[str, BaseDistribution]:
    return {dimension.name: _distribution(dimension) for dimension in table}


def _distribution(dimension: Dimension) -> BaseDistribution:
    if isinstance(dimension, Choice):
        return CategoricalDistribution(dimension.choices)
    return IntDistribution(dimension.low, dimension.high, log=dimension.log)


def seed_of(seed: int, number: int, attempt: int = 0) -> int:
    """A seed of its own for each ask: an interrupted study asks what an uninterrupted one would have asked."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{number}/{attempt}".encode()).digest()[:4])


class Sampler(BaseSampler):
    """Draws every dimension together."""

    def look_ahead(self, pace: Pace) -> None:
        """SpaceExhausted where that is known before Optuna writes a trial down."""

    def gives_up(self, recipe: Recipe) -> bool:
        """Whether its training may end early, once it cannot reach the line any more."""
        return True

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        raise NotImplementedError(f"{param_name}: every dimension is sampled together")


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
        # Optuna's samplers warn of each that has one value.
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


class GridOrder(Sampler):
    """The points of a table one after the other; those whose recipe is known, from wherever, are passed over, and those
    that could not end in time.

    Optuna's GridSampler takes them at random, holds a failed trial's point for visited, and stops a study that is told
    its last point from outside `optimize` with a RuntimeError.
    """

    def __init__(self, table: Sequence[Dimension], known: Container[str], time_left: TimeLeft | None = None) -> None:
        self._table = tuple(table)
        self._space = distributions(table)
        self._known = known
        self._time_left = time_left or TimeLeft()

    def gives_up(self, recipe: Recipe) -> bool:
        """Its accuracy is part of the table."""
        return False

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return self._space

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        return self._next(self._time_left.pace_of(study))

    def look_ahead(self, pace: Pace) -> None:
        self._next(pace)

    def _next(self, pace: Pace) -> dict[str, Value]:
        too_long: list[Recipe] = []
        for values in points(self._table):
            recipe = recipe_of(values)
            if recipe.id not in self._known:
                if pace.fits(recipe):
                    return dict(values)
                too_long.append(recipe)
        if too_long:
            raise SpaceExhausted(pace.shortage(too_long))
        raise SpaceExhausted("every point of this grid is known; its file takes further fractions and epochs")
