"""Importance: which dimensions decided latency and accuracy among the trials, and what a point of accuracy costs.

PED-ANOVA (Watanabe et al. 2023) as Optuna has it: how differently a dimension is distributed among the best trials and
among all. fANOVA would need scikit-learn.
"""

import random
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import optuna
from optuna.distributions import BaseDistribution
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.trial import create_trial

from evaluators.runtimes.runtime import RUNTIMES
from search.choosing.sampler import distributions
from search.results.front import front
from search.results.rows import Row
from search.results.standings import Standings
from search.store.evaluation import Evaluation
from space.dimension import Value
from space.dimensions import SPACES, dimensions, values_of
from space.errors import RequestError
from space.formats.names import DEFAULT_RUNTIME

# The best quarter is looked at, and Optuna asks for five trials in it.
_BEST = 0.25
FEWEST = 20
# Beyond the highest of 19 shuffles comes one in 20 by chance.
_SHUFFLES = 19


@dataclass(frozen=True, slots=True)
class Target:
    name: str
    # The value of an evaluation: less is better.
    value: Callable[[Evaluation], float]
    # Dimensions that it cannot depend on, and evaluations of one key are one.
    without: tuple[str, ...]
    key: Callable[[Evaluation], str]


TARGETS = (
    Target(
        "latency",
        lambda evaluation: evaluation.figures.latency_s,
        ("epochs", "criterion", "aware_epochs", "equalized"),
        lambda evaluation: evaluation.structure_id,
    ),
    Target(
        "accuracy",
        lambda evaluation: -evaluation.validation.share,
        ("threads", "spinning"),
        lambda evaluation: evaluation.recipe_id,
    ),
)


@dataclass(frozen=True, slots=True)
class Importance:
    dimension: str
    # A fraction of the importance of all dimensions.
    share: float
    # What the same trials with shuffled figures reach in one of 20 cases.
    chance: float

    @property
    def told(self) -> bool:
        """Whether it is more than chance."""
        return self.share > self.chance


@dataclass(frozen=True, slots=True)
class Ranked:
    target: str
    trials: int
    # The most important first; empty where there are too few trials.
    importances: tuple[Importance, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """The way from one row of the front to the next more accurate one."""

    start: Row
    end: Row
    points: float
    ms_per_point: float
    # None: their energies are of different provenance.
    mj_per_point: float | None


def importances(standings: Standings) -> list[Ranked]:
    goal = standings.goal
    if goal.space not in SPACES:
        raise RequestError(f"{goal.id}: the {goal.space} space has no dimensions; known are {', '.join(SPACES)}")
    used = {evaluation.candidate.recipe.runtime for evaluation in standings.ranked}
    # The first of them is the one that a space of one runtime takes; those of packages that are gone are left out.
    runtimes = tuple(name for name in RUNTIMES.names() if name in used) or (DEFAULT_RUNTIME,)
    table = dimensions(goal.space, standings.bench.cores, goal.fixed_values, goal.architecture, runtimes)
    spread = {name: values for name, values in distributions(table).items() if not values.single()}
    known = []
    for evaluation in standings.ranked:
        values = values_of(evaluation.candidate.recipe, table)
        if values is not None and not evaluation.figures.dirty and not evaluation.gated:
            known.append((evaluation, values))
    return [_ranked(target, known, spread) for target in TARGETS]


def _ranked(
    target: Target, known: Sequence[tuple[Evaluation, dict[str, Value]]], spread: dict[str, BaseDistribution]
) -> Ranked:
    once = {target.key(evaluation): (target.value(evaluation), values) for evaluation, values in known}
    chosen = {name: distribution for name, distribution in spread.items() if name not in target.without}
    if len(once) < FEWEST or len(chosen) < 2:
        return Ranked(target.name, len(once), ())
    figures = [figure for figure, _ in once.values()]
    study = _study([{name: values[name] for name in chosen} for _, values in once.values()], chosen)
    weights = _weights(study, chosen, figures)
    draw = random.Random(0)
    shuffled = [_weights(study, chosen, draw.sample(figures, len(figures))) for _ in range(_SHUFFLES)]
    whole = sum(weights.values()) or 1.0
    importances = [
        Importance(name, weight / whole, max(by_chance[name] for by_chance in shuffled) / whole)
        for name, weight in weights.items()
    ]
    return Ranked(target.name, len(once), tuple(sorted(importances, key=lambda importance: -importance.share)))


def _study(places: Sequence[dict[str, Value]], spread: dict[str, BaseDistribution]) -> optuna.Study:
    """A study in memory that says which trial was where."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study()
    for place in places:
        study.add_trial(create_trial(value=0.0, params=dict(place), distributions=spread))
    return study


def _weights(study: optuna.Study, spread: dict[str, BaseDistribution], figures: Sequence[float]) -> dict[str, float]:
    evaluator = PedAnovaImportanceEvaluator(target_quantile=_BEST)
    with warnings.catch_warnings():
        # The warning says that the evaluator takes less for better: so it is here.
        warnings.filterwarnings("ignore", "PedAnovaImportanceEvaluator", UserWarning)
        return evaluator.evaluate(study, params=list(spread), target=lambda trial: figures[trial.number])


def steps(rows: Sequence[Row]) -> list[Step]:
    """Along the front by validation accuracy, which every row has: test and validation are never subtracted."""
    on = front([replace(row, test_accuracy=None) for row in rows])
    prices = []
    for start, end in pairwise(on):
        points = 100 * (end.accuracy - start.accuracy)
        same = start.energy_provenance.is_comparable_with(end.energy_provenance)
        prices.append(
            Step(
                start,
                end,
                points,
                (end.latency_ms - start.latency_ms) / points,
                (end.energy_mj - start.energy_mj) / points if same else None,
            )
        )
    return prices
