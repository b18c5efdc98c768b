"""Surrogate: a world made of stored real evaluations, in which samplers are compared without training.

It knows latency and accuracy of any recipe by a spline over a ridge regression, on features of its own (a width and a
side of the image for every unit), not on those of our model.
"""

import csv
import json
import math
import random
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.interpolate import RBFInterpolator

from search.store.store import Store
from space.formats.quantizations import QUANTIZATIONS
from space.networks.choose import layers_of
from space.networks.mobilenet_v1.layers import IMAGE, layers
from space.recipe import Recipe
from tests.search.choosing.worlds import World

STORED = Path(__file__).parent / "evaluations.csv"
PARTS = 10
# Seconds that an epoch takes for each million multiply-accumulates of an image, as the stored trainings took; an image
# costs so many whatever the network.
_EPOCH_S, _MACS_ANYHOW = 2.9, 1.1
# What our tables ask for. ONNX Runtime leaves a convolution's layout as it is at "extended", which takes four times as
# long (79 us where "all" takes 17): another setting, which no feature here tells apart.
_GRAPH_OPTIMIZATION = "all"


@dataclass(frozen=True)
class Stored:
    recipe: Recipe
    latency_s: float
    # The accuracy; None: timed, not trained.
    accuracy: float | None
    train_s: float


def features(recipe: Recipe, epochs: int) -> list[float]:
    side, row = IMAGE.side, []
    for index, width in enumerate(recipe.widths):
        side = (side + 1) // 2 if index in recipe.halvings else side
        row += [math.log2(width / 8 + 1) if width else -1.0, math.log2(side) / 2]
    shape = layers(recipe.widths, recipe.halvings)
    row += [
        len(shape) / 4,
        math.log2(sum(layer.macs for layer in shape)),
        math.log2(sum(layer.values for layer in shape)),
    ]
    row += [3.0 * (recipe.quantization == name) for name in list(QUANTIZATIONS)[1:]]
    return [*row, 3.0 * (recipe.threads - 1), float(recipe.spinning), 2 * math.log(max(epochs, 1))]


class Spline:
    """Ridge regression, and a linear spline of what it leaves over."""

    def __init__(self, rows: list[list[float]], values: list[float]) -> None:
        points = np.array(rows)
        self._middle = points.mean(0)
        self._spread = points.std(0) + 0.3
        scaled = self._scaled(points)
        design = np.hstack([scaled, np.ones((len(scaled), 1))])
        weight = 0.3 * np.eye(design.shape[1])
        weight[-1, -1] = 0
        self._slopes = np.linalg.solve(design.T @ design + weight, design.T @ np.array(values))
        residuals = np.array(values) - design @ self._slopes
        self._rest = RBFInterpolator(scaled, residuals, kernel="linear", smoothing=1.0, degree=0)

    def __call__(self, row: list[float]) -> float:
        scaled = self._scaled(np.array([row]))
        return float((np.hstack([scaled, np.ones((1, 1))]) @ self._slopes + self._rest(scaled))[0])

    def _scaled(self, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        scaled: npt.NDArray[np.float64] = (points - self._middle) / self._spread
        return scaled


@dataclass(frozen=True, kw_only=True)
class Recorded(World):
    """Stored evaluations without noise: what was stored is what is found."""

    latency: Spline
    log_error: Spline
    accuracy_sd: float = 0.0
    latency_sd: float = 0.0

    def exact_latency_s(self, recipe: Recipe) -> float:
        return math.exp(self.latency(features(recipe, 1)))

    def exact_accuracy(self, recipe: Recipe, epochs: int) -> float:
        return 1 - min(0.9, math.exp(self.log_error(features(recipe, epochs))))

    def training_s(self, recipe: Recipe) -> float:
        macs = sum(layer.macs for layer in layers_of(recipe)) / 1e6
        return _EPOCH_S * recipe.epochs * (macs + _MACS_ANYHOW)


def recorded(stored: Sequence[Stored]) -> Recorded:
    # One timing for each structure.
    timed = list({row.recipe.structure_id: row for row in stored}.values())
    trained = [(row.recipe, row.accuracy) for row in stored if row.accuracy is not None]
    return Recorded(
        latency=Spline([features(row.recipe, 1) for row in timed], [math.log(row.latency_s) for row in timed]),
        log_error=Spline(
            [features(recipe, recipe.epochs) for recipe, _ in trained],
            [math.log(1 - accuracy) for _, accuracy in trained],
        ),
    )


def read(path: Path = STORED) -> list[Stored]:
    with path.open() as file:
        return [
            Stored(
                Recipe.from_json(row["recipe"]),
                float(row["latency_s"]),
                float(row["accuracy"]) if row["accuracy"] else None,
                float(row["train_s"]),
            )
            for row in csv.DictReader(file)
        ]


def collect(sources: Sequence[Path], to: Path) -> None:
    """Adds to what is there; a source is a store, or a file that `evaluations` wrote."""
    stored = {row.recipe: row for row in (read(to) if to.exists() else [])}
    for source in sources:
        for row in _of_store(source) if source.is_dir() else _of_file(source):
            if row.recipe.graph_optimization == _GRAPH_OPTIMIZATION:
                stored[row.recipe] = row
    with to.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["recipe", "latency_s", "accuracy", "train_s"])
        for row in stored.values():
            accuracy = "" if row.accuracy is None else f"{row.accuracy:g}"
            writer.writerow([row.recipe.to_json(), f"{row.latency_s:.4g}", accuracy, f"{row.train_s:.1f}"])
    trained = sum(row.accuracy is not None for row in stored.values())
    print(f"{len(stored)} networks timed, {trained} of them trained")


def _of_store(folder: Path) -> Iterator[Stored]:
    store = Store.existing(folder)
    for goal in store.studies():
        for result in store.evaluations(goal.baseline_id, goal.bench_id).values():
            recipe = result.candidate.recipe
            if recipe.input_form == "raw" and not result.gated:
                yield Stored(
                    recipe, result.figures.latency_s, result.validation.share, result.candidate.seconds.get("train", 0)
                )


def _of_file(path: Path) -> Iterator[Stored]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    trained = {line["recipe"]: line for line in lines if line["what"] == "train"}
    for line in lines:
        if line["what"] == "time":
            also = trained.get(line["recipe"], {})
            recipe = Recipe.from_json(line["recipe"])
            yield Stored(recipe, line["latency_s"], also.get("accuracy"), also.get("train_s", 0.0))


def held_out_error(stored: Sequence[Stored]) -> str:
    """The error of each part of the structures as all others tell it."""
    order = random.Random(0).sample(stored, len(stored))
    wrong_latency, wrong_share = [], []
    for part in range(PARTS):
        held_out = order[part::PARTS]
        structures = {row.recipe.structure_id for row in held_out}
        world = recorded([row for row in order if row.recipe.structure_id not in structures])
        for row in held_out:
            wrong_latency.append(abs(math.log(world.exact_latency_s(row.recipe) / row.latency_s)))
            if row.accuracy is not None:
                wrong_share.append(abs(world.exact_accuracy(row.recipe, row.recipe.epochs) - row.accuracy))
    latency, share = math.expm1(statistics.median(wrong_latency)), statistics.median(wrong_share)
    return (
        f"held out, {PARTS} parts of {len(stored)} rows, median error: latency {100 * latency:.1f} %, "
        f"accuracy {100 * share:.2f} points"
    )
