"""Importance: which dimensions decided latency and accuracy among the trials, and what a point of accuracy costs.

PED-ANOVA (Watanabe et al. 2023) as Optuna has it: how differently a dimension is distributed among the best trials and
among all. fANOVA would need scikit-learn.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import optuna
from optuna.distributions import BaseDistribution
from optuna.importance import PedAnovaImportanceEvaluator
from optuna.trial import FrozenTrial, create_trial

from search.evaluation import Evaluation
from search.front import front
from search.rows import Row
from search.samplers import distributions
from search.standings import Standings
from space.dimensions import SPACES, Value, dimensions, values_of
from space.errors import RequestError

# The best quarter is looked at, and Optuna asks for five trials in it.
_BEST = 0.25
FEWEST = 20
# Beyond the highest of 19 shuffles comes one in 20 by chance.
_SHUFFLES = 19


@dataclass(frozen=True, slots=True)
class Target:
    name: str
    # Less is better.
    value: Callable[[Evaluation], float]
    # Dimensions that it cannot depend on, and evaluations of one key are one.
    without: tuple[str, ...]
    key: Callable[[Evaluation], str]


TARGETS = (
    Target(
        "latency",
        lambda one: one.figures.latency_s,
        ("epochs", "criterion"),
        lambda one: one.candidate.recipe.structure_id,
    ),
    Target("accuracy", lambda one: -one.validation.share, ("threads", "spinning"), lambda one: one.recipe_id),
)


@dataclass(frozen=True, slots=True)
class Importance:
    dimension: str
    # Of all the importance, a fraction.
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
    """From one row of the front to the next more accurate one."""

    start: Row
    end: Row
    points: float
    ms_per_point: float
    # None: their energies are of different provenance.
    mj_per_point: float | None


def importances(standings: Standings) -> list[Ranked]:
    goal = standings.goal
    if goal.space not in SPACES:
        raise RequestError(
            f"{goal.id}: its space ({goal.space}) has no table of dimensions; known are {', '.join(SPACES)}"
        )
    fixed = dict(part.split("=") for part in goal.fixed.split(",") if part)
    table = dimensions(goal.space, standings.bench.cores, fixed)
    spread = {name: one for name, one in distributions(table).items() if not one.single()}
    known = []
    for one in standings.ranked:
        values = values_of(one.candidate.recipe, table)
        if values is not None and not one.figures.dirty and not one.gated:
            known.append((one, values))
    return [_ranked(target, known, spread) for target in TARGETS]


def _ranked(
    target: Target, known: Sequence[tuple[Evaluation, dict[str, Value]]], spread: dict[str, BaseDistribution]
) -> Ranked:
    once = {target.key(one): (target.value(one), values) for one, values in known}
    chosen = {name: one for name, one in spread.items() if name not in target.without}
    if len(once) < FEWEST or len(chosen) < 2:
        return Ranked(target.name, len(once), ())
    figures = [figure for figure, _ in once.values()]
    places = [{name: values[name] for name in chosen} for _, values in once.values()]
    shares = _shares(figures, places, chosen)
    draw = random.Random(0)
    chances = [_shares(draw.sample(figures, len(figures)), places, chosen) for _ in range(_SHUFFLES)]
    found = [Importance(name, share, max(one[name] for one in chances)) for name, share in shares.items()]
    return Ranked(target.name, len(once), tuple(sorted(found, key=lambda one: -one.share)))


def _shares(
    figures: Sequence[float], places: Sequence[dict[str, Value]], spread: dict[str, BaseDistribution]
) -> dict[str, float]:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study()
    study.add_trials(
        [create_trial(value=figure, params=dict(place), distributions=spread)
         for figure, place in zip(figures, places, strict=True)]
    )  # fmt: skip
    evaluator = PedAnovaImportanceEvaluator(target_quantile=_BEST, evaluate_on_local=False)
    found = evaluator.evaluate(study, params=list(spread), target=_told)
    whole = sum(found.values())
    return {name: share / whole if whole else 0.0 for name, share in found.items()}


def _told(trial: FrozenTrial) -> float:
    assert trial.value is not None
    return trial.value


def steps(rows: Sequence[Row]) -> list[Step]:
    """Along the front by validation accuracy, which every row has: test and validation are never subtracted."""
    on = front([replace(row, test_accuracy=None) for row in rows])
    found = []
    for start, end in zip(on, on[1:], strict=False):
        points = 100 * ((end.accuracy or 0) - (start.accuracy or 0))
        same = start.energy_provenance == end.energy_provenance
        found.append(
            Step(
                start,
                end,
                points,
                (end.latency_ms - start.latency_ms) / points,
                (end.energy_mj - start.energy_mj) / points if same else None,
            )
        )
    return found
