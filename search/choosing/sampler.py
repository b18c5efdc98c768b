"""Sampler: what all samplers share: Optuna's words for our dimensions, a seed for every ask, what an ask ends with."""

import hashlib
from collections.abc import Sequence
from typing import Any

from optuna.distributions import BaseDistribution, CategoricalDistribution, IntDistribution
from optuna.samplers import BaseSampler
from optuna.study import Study
from optuna.trial import FrozenTrial

from search.choosing.time_left import Pace
from space.dimension import Choice, Dimension
from space.recipe import Recipe

NOTHING_NEW = "every recipe of this space is known; another --space or --fix has more"


class SpaceExhausted(Exception):
    """There is nothing left to ask for; said with the reason, or with what would have more."""


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
    """A sampler draws every dimension together."""

    def look_ahead(self, pace: Pace) -> None:
        """SpaceExhausted where that is known before Optuna writes a trial down."""

    def suggest(self, study: Study) -> Recipe | None:
        """What is worth training although no trial asks for it yet."""
        return None

    def gives_up(self, recipe: Recipe) -> bool:
        """Whether its training may end early, once it cannot reach the line any more."""
        return True

    def sample_independent(
        self, study: Study, trial: FrozenTrial, param_name: str, param_distribution: BaseDistribution
    ) -> Any:
        raise NotImplementedError(f"{param_name}: every dimension is sampled together")
