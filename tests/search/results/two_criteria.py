"""The grid of studies/mnist.toml with made-up figures: two criteria that leave networks of one structure."""

from dataclasses import replace
from pathlib import Path

from search.results.published import read_published
from search.results.standings import Standings, standings
from search.settings.grid import Grid, Point
from search.settings.settings import Settings, settings
from search.settings.study_files import study_file
from search.store.evaluation import Evaluation
from search.store.goal import Goal
from search.store.reference_fact import reference_fact
from search.store.store import Store
from space.baseline import baseline_recipe
from space.recipe import Recipe
from tests.search.made_up import BENCH, DEVICE, GOAL, evaluation, keep

CHOSEN: Settings = settings({"config": study_file("mnist")})
assert CHOSEN.grid is not None
STUDY: Grid = CHOSEN.grid
UNPRUNED = baseline_recipe(CHOSEN.architecture)
UNPRUNED_MS = 0.2
# Points of accuracy lost without fine-tuning, and what an epoch makes good of it.
LOST = {("l1", 0.2): 1.0, ("l1", 0.7): 13.0, ("fpgm", 0.2): 0.5, ("fpgm", 0.7): 32.0}
MADE_GOOD = 0.3


def goal_of(grid: Grid = STUDY) -> Goal:
    return replace(GOAL, data=CHOSEN.data, space="grid", grid=grid.to_json(), architecture=CHOSEN.architecture)


def of(point: Point, recipe: Recipe, **others: object) -> Evaluation:
    lost = LOST.get((point.criterion or "", point.fraction), 5.0) if point.fraction else 0.0
    share = 0.98 - lost / 100 * max(0.0, 1 - MADE_GOOD * point.epochs)
    quantized = 0.5 if point.quantization != "none" else 1.0
    latency_ms = UNPRUNED_MS * quantized * (1 - 0.9 * point.fraction)
    return evaluation(made=recipe, share=share, latency_ms=latency_ms, reference_latency_s=UNPRUNED_MS / 1e3, **others)


def store_of(folder: Path, grid: Grid = STUDY, without: tuple[Point, ...] = ()) -> Store:
    """A store with the grid's points evaluated, but those `without`; the unpruned network in fp32 is the reference."""
    folder.mkdir(exist_ok=True)
    store = Store.create(folder)
    store.add_bench(BENCH, DEVICE)
    store.use_study(goal_of(grid))
    reference = {"reference_latency_s": None, "reference_energy_j": None}
    keep(store, evaluation(made=UNPRUNED, share=0.98, latency_ms=UNPRUNED_MS, **reference))
    store.remember(reference_fact(BENCH.id, GOAL.baseline_id), UNPRUNED.id)
    for point, recipe in grid.recipes(UNPRUNED).items():
        if recipe != UNPRUNED and point not in without:
            keep(store, of(point, recipe))
    return store


def of_the_study(folder: Path, grid: Grid = STUDY, without: tuple[Point, ...] = ()) -> Standings:
    return standings(store_of(folder, grid, without), goal_of(grid), read_published(CHOSEN.published))
