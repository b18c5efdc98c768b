"""The bar of the latency model: shapes drawn uniformly from the full space, told after a first look, then timed.

    python -m tests.benchmarks.latency_model --seconds 65 --seed 0

The look takes at most so many seconds, 65 as in a search of 27 minutes; then 40 networks, every dimension drawn
uniformly, are timed in three rounds, of which the median counts. For each runtime: how many, the median error and the
90 % quantile of what the model said before, and how many of the 95 % intervals hold. The anchor of the look compares
the rounds too: beside other load the reference wanders by more than the bar. In four minutes, at rest; no constant
of the model is chosen by seed 0.
"""

import argparse
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from evaluators.confidence import NORMAL_95
from evaluators.measured import Subject
from search.building.builders import Builders, built
from search.building.tasks import draft
from search.choosing.latency_model import LatencyModel
from search.measuring.rig import open_rig, runtime_of, save_images
from search.running.first_look import FirstLook, LookPlan
from search.running.noted_bench import note_bench
from search.running.preparation import have_baseline, prepare
from search.running.reference import References, scale_of
from search.running.studies import table_of
from search.running.view import View
from search.settings.settings import settings
from search.store.store import Store
from space.dimension import Choice, Dimension
from space.dimensions import recipe_of
from space.formats.target import title_of
from space.recipe import Recipe

SHAPES, ROUNDS = 40, 3
# Timings of each runtime that the look takes at most, as in a search with a deadline.
MOST = 120


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=65.0, help="what the look takes at most")
    parser.add_argument("--seed", type=int, default=0, help="of the shapes")
    parser.add_argument("--device", default="local")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        _compare(options, Store.create(Path(folder)), stack)


def _compare(options: argparse.Namespace, store: Store, stack: ExitStack) -> None:
    chosen = settings({"data": "builtin", "devices": (options.device,), "store": store.folder})
    view = View(0)
    prepared = prepare(chosen, store, view.say)
    images = save_images(store.folder / "images.npy", prepared.data.validation.pixels)
    rig = stack.enter_context(open_rig(chosen.devices, images, view.say))
    builder = stack.enter_context(Builders(view.step))
    note_bench(store, rig)
    baseline = have_baseline(prepared, store, builder, chosen, view)
    References(store, builder, rig, view, baseline, prepared.source).settle()
    table = table_of(chosen, rig.cores, rig.runtimes)
    look = FirstLook(store, rig, builder, baseline, prepared.source, prepared.data.shape, view)
    begun = time.monotonic()
    timings = look.take(table, LookPlan(dict.fromkeys(rig.runtimes, MOST), options.seconds))
    print(f"{rig.device.model}, {rig.cores} cores: {len(timings)} timings, {time.monotonic() - begun:.0f} s of look")
    model = LatencyModel.fitted(timings, prepared.data.shape)

    draw = random.Random(options.seed)
    scale_s = scale_of(store, rig.bench.id, baseline.id).latency_s
    recipes = [_drawn(table, draw) for _ in range(SHAPES)]
    paths = [built(builder.submit(draft, recipe, store.folder, baseline, prepared.source)) for recipe in recipes]
    subjects = [Subject(recipe.structure_id, path, runtime_of(recipe))
                for recipe, path in zip(recipes, paths, strict=True)]  # fmt: skip
    anchor = look.anchor()
    seconds: list[list[float]] = [[] for _ in recipes]
    for _ in range(ROUNDS):
        for runtime in rig.runtimes:
            own = [place for place, recipe in enumerate(recipes) if recipe.runtime == runtime]
            shares = look.shares([subjects[place] for place in own], anchor)
            for place, relative in zip(own, shares, strict=True):
                seconds[place] += [relative * scale_s] if relative else []
    assert all(seconds), "a network could not be timed"
    _print(model, recipes, np.log10([statistics.median(own) for own in seconds]))


def _drawn(table: Sequence[Dimension], draw: random.Random) -> Recipe:
    """Every dimension uniformly."""
    return recipe_of(
        {
            dimension.name: draw.choice(dimension.choices)
            if isinstance(dimension, Choice)
            else draw.randint(dimension.low, dimension.high)
            for dimension in table
        }
    )


def _print(model: LatencyModel, recipes: list[Recipe], logs: "np.ndarray[tuple[int], np.dtype[np.float64]]") -> None:
    means, sds = model.log10(recipes)
    errors = np.abs(10 ** (means - logs) - 1)
    within = np.abs(means - logs) <= NORMAL_95 * sds
    for runtime in dict.fromkeys(recipe.runtime for recipe in recipes):
        own = np.array([recipe.runtime == runtime for recipe in recipes])
        print(
            f"{title_of(runtime)}: {own.sum()} networks, median error {100 * np.median(errors[own]):.1f} %, "
            f"90 % within {100 * np.quantile(errors[own], 0.9):.1f} %, "
            f"95 % intervals hold {100 * within[own].mean():.0f} %"
        )


if __name__ == "__main__":
    main()
