"""What pruning costs and training brings back: uniform 0.5 from a trained baseline, on real CIFAR-10.

    python tests/benchmarks/recovery.py BASELINE.pt --data-dir DATA --results recovery.jsonl

Zero epochs with and without BatchNorm re-estimated; one epoch with and without distillation, each at its own best
rate, three seeds; five epochs; a network of at most 0.6 M MACs within six minutes of training. Every figure is
written to the results file as it comes, and not worked out again.
"""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch

from space.baseline import read_description
from space.checkpoint import read_checkpoint
from space.data.cifar10 import load_cifar10
from space.data.images import DataSet
from space.networks.mobilenet_v1.description import MOBILENET_V1
from space.networks.mobilenet_v1.network import HALVINGS, WIDTHS, MobileNetV1
from space.pruning import shrink
from space.pruning.fractions import kept
from space.training import training
from space.training.batchnorm import BATCHNORM_BATCHES, reestimate_batchnorm
from space.training.teacher import Teacher
from tests.space.few_images import MEAN, STD

RATES = (0.02, 0.05, 0.1, 0.2)
SEEDS = (0, 1, 2)
DISTILLATION = {"plain": 0.0, "distilled": 0.9}
HALF = tuple(kept(width, 0.5) for width in WIDTHS)
# 0.58 M MACs: a stem and four blocks, the image halved in the first.
SMALL, SMALL_HALVINGS = (16, 24, 48, 0, 0, 0, 48, 0, 0, 0, 0, 0, 80, 0), (0, 2, 12)
SMALLER, SMALLER_HALVINGS = (16, 48, 0, 0, 0, 0, 96, 0, 0, 0, 0, 0, 96, 0), (0, 1, 6)


class Bench:
    def __init__(self, data: DataSet, baseline: Path, results: Path) -> None:
        self.data, self.results = data, results
        self.model = read_checkpoint(baseline, MOBILENET_V1)
        described = read_description(baseline)
        self.mean, self.std = tuple(described.get("mean", MEAN)), tuple(described.get("std", STD))
        folder = results.parent / f"{results.stem}-teacher"
        self.teacher = Teacher(folder, "baseline", lambda: read_checkpoint(baseline, MOBILENET_V1), self.mean, self.std)
        lines = results.read_text().splitlines() if results.exists() else []
        self.known = {line["name"]: line for line in map(json.loads, lines)}

    def once(self, name: str, run) -> dict:
        if name not in self.known:
            self.known[name] = {"name": name, **run()}
            with self.results.open("a") as file:
                file.write(json.dumps(self.known[name]) + "\n")
        print(json.dumps(self.known[name]), flush=True)
        return self.known[name]

    def validation(self, model: MobileNetV1) -> float:
        return training.accuracy(model, self.data.validation, self.mean, self.std)

    def zero(self, batches: int) -> dict:
        model = shrink(self.model, HALF, HALVINGS)
        begun = time.perf_counter()
        if batches:
            reestimate_batchnorm(model, self.data, seed=0, batches=batches, mean=self.mean, std=self.std)
        return {"seconds": time.perf_counter() - begun, "validation": self.validation(model)}

    def tuned(
        self, arm: str, epochs: int, rate: float, seed: int, widths=HALF, halvings=HALVINGS, test: bool = False
    ) -> dict:
        model = shrink(self.model, widths, halvings, "l1", seed)
        reestimate_batchnorm(model, self.data, seed=seed, mean=self.mean, std=self.std)
        history = training.fine_tune(
            model,
            self.data,
            epochs=epochs,
            learning_rate=rate,
            seed=seed,
            mean=self.mean,
            std=self.std,
            distillation=DISTILLATION[arm],
            teacher=self.teacher,
        )
        values = {
            "seconds": sum(epoch.seconds for epoch in history),
            "validation": history[-1].validation_accuracy,
            "history": [epoch.validation_accuracy for epoch in history],
        }
        if test:
            values["test"] = training.accuracy(model, self.data.test, self.mean, self.std)
        return values


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("baseline", type=Path)
    options.add_argument("--data-dir", type=Path, required=True)
    options.add_argument("--results", type=Path, default=Path("recovery.jsonl"))
    options.add_argument("--only", default="", help="zero, small, one or five")
    chosen = options.parse_args()
    bench = Bench(load_cifar10(chosen.data_dir), chosen.baseline, chosen.results)
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads")
    if "zero".startswith(chosen.only):
        bench.once("baseline", lambda: {"validation": bench.validation(bench.model)})
        for batches in (0, 8, 20, BATCHNORM_BATCHES, 100):
            bench.once(f"zero epochs, {batches} batches", lambda batches=batches: bench.zero(batches))
    if "small".startswith(chosen.only):
        for name, widths, halvings, epochs in (
            ("small", SMALL, SMALL_HALVINGS, 12),
            ("smaller", SMALLER, SMALLER_HALVINGS, 30),
        ):
            bench.once(
                f"{name}, {epochs} epochs",
                lambda w=widths, h=halvings, e=epochs: bench.tuned("distilled", e, 0.4, 0, w, h, test=True),
            )
    if "one".startswith(chosen.only):
        best = {}
        for arm in DISTILLATION:
            reached = {
                rate: bench.once(
                    f"one epoch, {arm}, rate {rate}, seed 0", lambda a=arm, r=rate: bench.tuned(a, 1, r, 0)
                )["validation"]
                for rate in RATES
            }
            best[arm] = max(reached, key=reached.__getitem__)
        accuracies = {
            arm: [
                bench.once(
                    f"one epoch, {arm}, rate {best[arm]}, seed {seed}",
                    lambda a=arm, s=seed: bench.tuned(a, 1, best[a], s),
                )["validation"]
                for seed in SEEDS
            ]
            for arm in DISTILLATION
        }
        gains = [
            100 * (distilled - plain)
            for distilled, plain in zip(accuracies["distilled"], accuracies["plain"], strict=True)
        ]
        print(f"distillation brings {statistics.fmean(gains):+.2f} points at one epoch: {gains}")
    if "five".startswith(chosen.only):
        bench.once("five epochs, distilled, rate 0.1", lambda: bench.tuned("distilled", 5, 0.1, 0, test=True))


if __name__ == "__main__":
    main()
