"""The grid of studies/mobilenetv2.toml with made-up figures."""

from dataclasses import replace
from pathlib import Path

from search.results.published import read_published
from search.results.standings import Standings, standings
from search.settings.grid import Grid, Point
from search.settings.settings import settings
from search.settings.study_files import study_file
from search.store.evaluation import Evaluation
from search.store.goal import Goal
from search.store.reference_fact import reference_fact
from search.store.scaled_fact import scaled_fact
from search.store.store import Store
from space.baseline import baseline_recipe
from space.pruning.parameters import parameters
from space.pruning.scaled import scaled_text
from space.recipe import Recipe
from tests.search.made_up import BENCH, DEVICE, GOAL, evaluation, keep

CHOSEN = settings({"config": study_file("mobilenetv2")})
assert CHOSEN.grid is not None
STUDY: Grid = CHOSEN.grid
UNPRUNED = baseline_recipe(CHOSEN.architecture)
PARAMETERS = parameters(UNPRUNED)
UNPRUNED_MS = 10.0
# Points of accuracy that the highest sparsity costs; random weights fall to chance.
LOST = {"l1": 0.2, "slimming": 0.01, "weight_magnitude": 0.3, "weight_random": 0.8}


def scaled(grid: Grid = STUDY) -> dict[tuple[str, float], tuple[int, ...]]:
    """Widths as if scales had chosen channels unevenly: the head gives most."""
    return {
        ("slimming", fraction): (*UNPRUNED.widths[:-1], round(UNPRUNED.widths[-1] * (1 - fraction)))
        for fraction in grid.fractions
    }


def goal_of(grid: Grid = STUDY) -> Goal:
    return replace(GOAL, space="grid", grid=grid.to_json(), architecture=CHOSEN.architecture)


def of(point: Point, recipe: Recipe, **others: object) -> Evaluation:
    """Files of channels that are gone are smaller and faster; zeros are compressed alone."""
    zeros = bool(recipe.weight_sparsity)
    left = 1.0 if zeros else 1 - point.fraction
    share = max(0.1, 0.9 - LOST.get(point.criterion or "", 0.0) * point.fraction / 0.8)
    reference_s = UNPRUNED_MS / 1e3
    result = evaluation(
        made=recipe, share=share, latency_ms=UNPRUNED_MS * left, reference_latency_s=reference_s,
        reference_energy_j=2.7e-3 * UNPRUNED_MS, **others,
    )  # fmt: skip
    nonzero = round(PARAMETERS * (1 - point.fraction))
    sized = replace(
        result.candidate, parameters=PARAMETERS if zeros else nonzero, nonzero=nonzero,
        file_bytes=round(4 * PARAMETERS * left), packed_bytes=round(3.7 * nonzero),
    )  # fmt: skip
    return replace(result, candidate=sized)


def store_of(folder: Path, grid: Grid = STUDY, without: tuple[Point, ...] = (), **others: object) -> Store:
    """A store with the grid's points evaluated, but those `without`; the unpruned network is the reference."""
    folder.mkdir(exist_ok=True)
    store = Store.create(folder)
    store.add_bench(BENCH, DEVICE)
    store.use_study(goal_of(grid))
    for criterion in grid.judged_by_scale:
        store.remember(scaled_fact(GOAL.baseline_id, criterion, ()), scaled_text(scaled(grid)))
    known = grid.with_scales(store.fact, GOAL.baseline_id, CHOSEN.architecture)
    for point, recipe in known.recipes(UNPRUNED).items():
        if point in without:
            continue
        result = of(point, recipe, **others)
        if not point.fraction:
            result = replace(result, figures=replace(result.figures, reference_latency_s=None, reference_energy_j=None))
            store.remember(reference_fact(BENCH.id, GOAL.baseline_id), recipe.id)
        keep(store, result)
    return store


def of_the_study(folder: Path, grid: Grid = STUDY, without: tuple[Point, ...] = (), **others: object) -> Standings:
    return standings(store_of(folder, grid, without, **others), goal_of(grid), read_published(CHOSEN.published))
