"""Search efficiency without training: samplers on a surrogate of stored real evaluations.

    python -m tests.benchmarks.samplers collect STORE... gathered.jsonl
    python -m tests.benchmarks.samplers error
    python -m tests.benchmarks.samplers run --sampler model --sampler tpe --trials 50 --seeds 20
    python -m tests.benchmarks.samplers table

The surrogate knows latency and accuracy of any recipe by a spline over a ridge regression, on features of its own (a
width and a side of the image for every unit), not on those of our model. Its error is shown held out, in ten parts.
Every sampler gets the same first recipes, and is told what the pipeline would tell: what could not lead is gated.
Regret is how far, in log10 of the FoM, the best feasible trial lies below the best result of all runs.
"""

import argparse
import csv
import json
import math
import random
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import optuna
from scipy.interpolate import RBFInterpolator

from search.choosing.first_recipes import first_values
from search.choosing.model_sampler import ModelSampler
from search.choosing.optuna_samplers import SAMPLERS, DistinctSampler
from search.choosing.sampler import distributions
from search.choosing.time_left import cost
from search.choosing.trial_notes import GATED_BY, evaluation_attributes
from search.scoring.lead import NEAR
from search.scoring.objectives import OBJECTIVES
from search.store.store import Store
from space.dimensions import dimensions, recipe_of
from space.formats.quantizations import QUANTIZATIONS
from space.networks.mobilenet_v1.layers import IMAGE, layers
from space.recipe import Recipe
from tests.search.made_up import evaluation

HERE = Path(__file__).parent / "evaluations.csv"
CORES, LEAST = 2, 0.7065
FOM = OBJECTIVES["fom"]
TABLE = dimensions("full", CORES)
PARTS = 10


@dataclass(frozen=True)
class Stored:
    recipe: Recipe
    latency_s: float
    # None: timed, not trained.
    accuracy: float | None
    train_s: float


def features(recipe: Recipe, epochs: int) -> list[float]:
    side, found = IMAGE.side, []
    for index, width in enumerate(recipe.widths):
        side = (side + 1) // 2 if index in recipe.halvings else side
        found += [math.log2(width / 8 + 1) if width else -1.0, math.log2(side) / 2]
    shape = layers(recipe.widths, recipe.halvings)
    found += [
        len(shape) / 4,
        math.log2(sum(layer.macs for layer in shape)),
        math.log2(sum(one.values for one in shape)),
    ]
    found += [3.0 * (recipe.quantization == name) for name in list(QUANTIZATIONS)[1:]]
    return [*found, 3.0 * (recipe.threads - 1), float(recipe.spinning), 2 * math.log(max(epochs, 1))]


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
        left = np.array(values) - design @ self._slopes
        self._rest = RBFInterpolator(scaled, left, kernel="linear", smoothing=1.0, degree=0)

    def __call__(self, rows: list[list[float]]) -> np.ndarray:
        scaled = self._scaled(np.array(rows))
        return np.hstack([scaled, np.ones((len(scaled), 1))]) @ self._slopes + self._rest(scaled)

    def _scaled(self, points: np.ndarray) -> np.ndarray:
        return (points - self._middle) / self._spread


class Surrogate:
    def __init__(self, stored: list[Stored]) -> None:
        # One timing for each structure.
        timed = list({one.recipe.structure_id: one for one in stored}.values())
        trained = [one for one in stored if one.accuracy is not None]
        self._latency = Spline([features(one.recipe, 1) for one in timed], [math.log(one.latency_s) for one in timed])
        self._error = Spline(
            [features(one.recipe, one.recipe.epochs) for one in trained],
            [math.log(1 - (one.accuracy or 0)) for one in trained],
        )

    def latency_s(self, recipe: Recipe) -> float:
        return float(np.exp(self._latency([features(recipe, 1)])[0]))

    def accuracy(self, recipe: Recipe) -> float:
        return float(1 - min(0.9, np.exp(self._error([features(recipe, recipe.epochs)])[0])))


def read(path: Path) -> list[Stored]:
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


def collect(sources: list[Path], to: Path) -> None:
    """Adds to what is there; a source is a store, or a file that `evaluations` wrote."""
    known = read(to) if to.exists() else []
    found = {one.recipe.to_json(): (one.latency_s, one.accuracy, one.train_s) for one in known}
    for source in sources:
        for one in _of_store(source) if source.is_dir() else _of_file(source):
            found[one.recipe.to_json()] = one.latency_s, one.accuracy, one.train_s
    with to.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["recipe", "latency_s", "accuracy", "train_s"])
        for recipe, (latency_s, accuracy, train_s) in found.items():
            writer.writerow([recipe, f"{latency_s:.4g}", "" if accuracy is None else f"{accuracy:g}", f"{train_s:.1f}"])
    trained = sum(accuracy is not None for _, accuracy, _ in found.values())
    print(f"{len(found)} networks timed, {trained} of them trained")


def _of_store(folder: Path) -> Iterator[Stored]:
    store = Store.existing(folder)
    for goal in store.studies():
        for one in store.evaluations(goal.baseline_id, goal.bench_id).values():
            recipe = one.candidate.recipe
            if recipe.input_form == "raw" and not one.gated:
                yield Stored(recipe, one.figures.latency_s, one.validation.share, one.candidate.seconds.get("train", 0))


def _of_file(path: Path) -> Iterator[Stored]:
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    trained = {line["recipe"]: line for line in lines if line["what"] == "train"}
    for line in lines:
        if line["what"] == "time":
            also = trained.get(line["recipe"], {})
            recipe = Recipe.from_json(line["recipe"])
            yield Stored(recipe, line["latency_s"], also.get("accuracy"), also.get("train_s", 0.0))


def error(stored: list[Stored]) -> None:
    draw = random.Random(0)
    order = draw.sample(stored, len(stored))
    wrong_ms, wrong_share = [], []
    for part in range(PARTS):
        held = order[part::PARTS]
        known = {one.recipe.structure_id for one in held}
        made = Surrogate([one for one in order if one.recipe.structure_id not in known])
        for one in held:
            wrong_ms.append(abs(math.log(made.latency_s(one.recipe) / one.latency_s)))
            if one.accuracy is not None:
                wrong_share.append(abs(made.accuracy(one.recipe) - one.accuracy))
    latency, share = math.expm1(statistics.median(wrong_ms)), statistics.median(wrong_share)
    print(f"held out, {PARTS} parts of {len(stored)} rows, median error: latency {100 * latency:.1f} %, "
          f"accuracy {100 * share:.2f} points")  # fmt: skip


def run(made: Surrogate, name: str, seed: int, trials: int, train_s: float) -> dict[str, object]:
    """`train_s`: of a million MACs and an epoch, for what a trial is told."""
    known: set[str] = set()
    sampler = (
        ModelSampler(seed, TABLE, known, FOM, LEAST) if name == "model" else DistinctSampler(name, seed, TABLE, known)
    )
    study = optuna.create_study(direction="maximize", sampler=sampler)
    for values in first_values(TABLE):
        study.enqueue_trial(dict(values))
    best: list[float | None] = []
    spent, asking, lead = 0.0, 0.0, None
    trained_s: list[float] = []
    for _ in range(trials):
        begun = time.perf_counter()
        trial = study.ask(distributions(TABLE))
        asking += time.perf_counter() - begun
        recipe = recipe_of(trial.params)
        known.add(recipe.id)
        latency_s = made.latency_s(recipe)
        one = evaluation(made=recipe, share=0.5, latency_ms=1e3 * latency_s)
        if lead is not None and FOM.at_best(one.figures) < lead - math.log10(NEAR):
            trial.set_user_attr(GATED_BY, "it could not lead")
            trial.set_constraint("accuracy", LEAST)
            value = FOM.at_best(one.figures)
        else:
            seconds = train_s * cost(recipe, recipe.epochs) / 1e6
            spent += seconds
            one = evaluation(made=recipe, share=made.accuracy(recipe), latency_ms=1e3 * latency_s)
            one = replace(one, candidate=replace(one.candidate, seconds={"train": seconds}))
            score = FOM.score(one, LEAST)
            trial.set_constraint("accuracy", score.violations["accuracy"])
            value = score.value
            if score.violations["accuracy"] <= 0 and (lead is None or value > lead):
                lead = value
        for key, text in evaluation_attributes(one, FOM).items():
            trial.set_user_attr(key, text)
        study.tell(trial, value)
        best.append(lead)
        trained_s.append(spent)
    return {
        "sampler": name,
        "seed": seed,
        "trials": trials,
        "best": best,
        "train_s": trained_s,
        "ask_s": asking / trials,
    }


def table(path: Path) -> None:
    runs = [json.loads(line) for line in path.read_text().splitlines()]
    highest = max(one["best"][-1] for one in runs if one["best"][-1] is not None)
    draw = np.random.default_rng(0)
    for trials in sorted({one["trials"] for one in runs}):
        regret = {}
        for name in dict.fromkeys(one["sampler"] for one in runs):
            found = [one for one in runs if (one["sampler"], one["trials"]) == (name, trials)]
            if found:
                regret[name] = [highest - (one["best"][-1] if one["best"][-1] is not None else 0) for one in found]
                ask = statistics.fmean(one["ask_s"] for one in found)
                train = statistics.fmean(one["train_s"][-1] for one in found)
                print(f"{trials} trials, {name}: regret {statistics.fmean(regret[name]):.3f} (median "
                      f"{statistics.median(regret[name]):.3f}, {len(found)} seeds), {train / 60:.0f} min of training, "
                      f"{ask:.2f} s an ask")  # fmt: skip
        ours = np.array(regret.get("model", []))
        for name, theirs in regret.items():
            if name != "model" and len(ours):
                other = np.array(theirs)
                apart = [
                    draw.choice(other, len(other)).mean() - draw.choice(ours, len(ours)).mean() for _ in range(5000)
                ]
                low, high = np.quantile(apart, [0.05, 0.95])
                print(f"  {name} minus model: {low:+.3f} to {high:+.3f} (bootstrap, 90 %)")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("what", choices=("collect", "error", "run", "table"))
    options.add_argument("stores", type=Path, nargs="*")
    options.add_argument("--to", type=Path, default=HERE)
    options.add_argument("--sampler", action="append", choices=("model", *SAMPLERS))
    options.add_argument("--trials", type=int, default=50)
    options.add_argument("--seeds", type=int, default=20)
    options.add_argument("--results", type=Path, default=Path("samplers.jsonl"))
    chosen = options.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    if chosen.what == "collect":
        collect(chosen.stores, chosen.to)
    elif chosen.what == "error":
        error(read(HERE))
    elif chosen.what == "table":
        table(chosen.results)
    else:
        lines = chosen.results.read_text().splitlines() if chosen.results.exists() else []
        done = {(one["sampler"], one["seed"], one["trials"]) for one in map(json.loads, lines)}
        stored = read(HERE)
        made = Surrogate(stored)
        for name in chosen.sampler or ("model", "tpe", "random", "gp"):
            for seed in range(chosen.seeds):
                if (name, seed, chosen.trials) not in done:
                    said = run(made, name, seed, chosen.trials, 2.9)
                    with chosen.results.open("a") as file:
                        file.write(json.dumps(said) + "\n")
                    print(name, seed, said["best"][-1], f"{said['ask_s']:.2f} s an ask", flush=True)


if __name__ == "__main__":
    main()
