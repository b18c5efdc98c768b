"""Standings: a study as it stands in the store: its rows in order, and the baseline; read without Optuna or torch."""

import math
from collections.abc import Container
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from evaluators.bench import Bench
from search.results.published import Published
from search.results.rows import Row, row
from search.results.unmetered import unmetered_ids
from search.scoring.lead_probability import best_probabilities, within_reach
from search.scoring.objectives import OBJECTIVES, Objective
from search.scoring.ranking import confirmed_first, eligible, estimate, in_order, leading, networks
from search.settings.grid import Grid, Point
from search.store.evaluation import Evaluation
from search.store.goal import Goal
from search.store.reference_fact import reference_fact
from search.store.store import Store
from space.errors import RequestError

# The contest's protocol: three passes over a test set of 10,000.
FIXED_INFERENCES = 3 * 10_000


@dataclass(frozen=True, slots=True)
class Effort:
    """What timing took, and what the fixed protocol would have taken for the same files."""

    inferences: int
    seconds: float
    fixed_seconds: float


@dataclass(frozen=True)
class Standings:
    goal: Goal
    bench: Bench
    baseline: Evaluation
    # Evaluations that may win come first, `leaders` of them; then those that have to be confirmed before, `unconfirmed`
    # of them.
    ranked: tuple[Evaluation, ...]
    leaders: int
    unconfirmed: int
    # Trial numbers of this study, by recipe.
    numbers: dict[str, int]
    # Why a recipe could not be built or run.
    failures: dict[str, str]
    # Ids of the recipes of a grid, by its points in the order of its table.
    listed: dict[Point, str]
    # What a grid's figures are held beside.
    published: tuple[Published, ...] = ()

    def row(self, evaluation: Evaluation) -> Row:
        return self._row(evaluation, self._first_points.get(evaluation.recipe_id))

    def _row(self, evaluation: Evaluation, point: Point | None) -> Row:
        return row(evaluation, self.goal, self.baseline, self.numbers.get(evaluation.recipe_id), point)

    @cached_property
    def _first_points(self) -> dict[str, Point]:
        """Two points may be one recipe: of few channels two fractions may leave as many."""
        return {recipe_id: point for point, recipe_id in reversed(self.listed.items())}

    @cached_property
    def rows(self) -> tuple[Row, ...]:
        """The rows of all evaluations, the baseline last."""
        return tuple(self.row(evaluation) for evaluation in (*self.ranked, self.baseline))

    def points(self) -> dict[Point, Row | None]:
        """The points of a grid study in the order of its table; None: not evaluated yet."""
        evaluations = {evaluation.recipe_id: evaluation for evaluation in (*self.ranked, self.baseline)}
        return {
            point: self._row(evaluations[recipe_id], point) if recipe_id in evaluations else None
            for point, recipe_id in self.listed.items()
        }

    def failed_points(self) -> dict[Point, str]:
        return {
            point: f"failed: {self.failures[recipe_id]}"
            for point, recipe_id in self.listed.items()
            if recipe_id in self.failures
        }

    @property
    def best(self) -> Evaluation | None:
        return self.ranked[0] if self.leaders else None

    def best_with(self, suffix: str) -> Evaluation | None:
        """The best of those whose file has this ending, by the same rules: confirmed ones, where there are any."""
        having = [evaluation for evaluation in self.ranked if evaluation.candidate.file.suffix == suffix]
        return next(iter(leading(having, self.goal)), None)

    @property
    def objective(self) -> Objective:
        return OBJECTIVES[self.goal.objective]

    @property
    def waiting(self) -> tuple[Evaluation, ...]:
        """The evaluations that could lead and are not confirmed, while others are."""
        return self.ranked[self.leaders : self.leaders + self.unconfirmed]

    @cached_property
    def rivals(self) -> list[Evaluation]:
        """The leader's, confirmed or not. Settings of one network are no rivals of each other."""
        able = [*self.ranked[: self.leaders], *self.waiting]
        # The leader and the next one always, so that a rival out of reach is one too.
        near = [able[place] for place in within_reach([estimate(evaluation, self.objective) for evaluation in able])]
        return [
            evaluation
            for evaluation in networks((*able[:2], *near), self.objective)
            if self.best is not None and evaluation.network_id != self.best.network_id
        ]

    @property
    def lead_probability(self) -> float | None:
        """The probability that the leader's figure is truly the best of all networks'; None without a rival, and where
        the leader is known too badly to say."""
        if self.best is None:
            return None
        estimates = [estimate(evaluation, self.objective) for evaluation in (self.best, *self.rivals)]
        # Nothing can be said of a figure whose error is not known.
        known = [candidate for candidate in estimates if math.isfinite(candidate.standard_error)]
        if len(known) < 2 or known[0] is not estimates[0]:
            return None
        return best_probabilities(known)[0]

    def effort(self) -> "Effort":
        # Rows of one structure share one measurement.
        evaluations = (*self.ranked, self.baseline)
        once = {evaluation.structure_id: evaluation.figures for evaluation in evaluations}
        figures = list(once.values())
        return Effort(
            inferences=sum(measurement.inferences for measurement in figures),
            seconds=sum(measurement.inferences * measurement.latency_mean_s for measurement in figures),
            fixed_seconds=sum(FIXED_INFERENCES * measurement.latency_mean_s for measurement in figures),
        )

    def as_dict(self) -> dict[str, Any]:
        unmetered = unmetered_ids(self)
        grid = [{**point._asdict(), "recipe_id": row and row.recipe_id} for point, row in self.points().items()]
        return {
            "study": self.goal.id,
            "bench": {"id": self.bench.id, **_plain(self.bench)},
            "data": {"name": self.goal.data, "fingerprint": self.goal.fingerprint},
            "baseline": self.row(self.baseline).as_dict(),
            # Nobody has won while someone who may lead is not metered.
            "lead_probability": None if unmetered else self.lead_probability,
            "not_metered": unmetered,
            "ranking": [self.row(evaluation).as_dict() for evaluation in self.ranked],
            **({"grid": grid} if grid else {}),
        }


def standings(
    store: Store, goal: Goal, published: tuple[Published, ...] = (), among: Container[str] | None = None
) -> Standings:
    """`published`: figures that those of a grid are held beside. `among`: ids of the recipes that are looked at, all
    where there are none."""
    evaluations = store.evaluations(goal.baseline_id, goal.bench_id)
    reference = store.fact(reference_fact(goal.bench_id, goal.baseline_id))
    baseline = evaluations.pop(reference, None) if reference else None
    if baseline is None:
        raise RequestError(f"{goal.id}: the baseline has not been measured yet; run the search first")
    if among is not None:
        evaluations = {id: evaluation for id, evaluation in evaluations.items() if id in among}
    listed: dict[Point, str] = {}
    if goal.grid:
        # A grid is a list: what else was evaluated is not in its table.
        grid = Grid.from_json(goal.grid).with_scales(store.fact, goal.baseline_id, goal.architecture)
        recipes = grid.recipes(baseline.candidate.recipe)
        listed = {point: recipe.id for point, recipe in recipes.items()}
        in_table = set(listed.values())
        evaluations = {id: evaluation for id, evaluation in evaluations.items() if id in in_table}
    else:
        # The unpruned network at other runtime settings competes for being the reference, not with candidates.
        evaluations = {
            id: evaluation for id, evaluation in evaluations.items() if evaluation.network_id != baseline.network_id
        }
    everything = list(evaluations.values())
    front, waiting = confirmed_first(eligible(everything, goal))
    return Standings(
        goal,
        store.bench(goal.bench_id),
        baseline,
        tuple(in_order(everything, front, waiting, goal)),
        len(front),
        len(waiting),
        store.numbers(goal.id),
        store.failures(goal.baseline_id, goal.bench_id),
        listed,
        published,
    )


def _plain(bench: Bench) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(bench), "title": bench.title}
