"""Prints what networks reach on the built-in image set, and whether that is what the set was made for.

python tests/benchmarks/builtin_set.py [--seeds 3] [--threads 2]     # about seven minutes a seed on two cores

The unpruned network is trained as `python -m search baseline` does it on a processor; the others as the search does it
at its longest: pruned from the baseline, BatchNorm re-estimated, 32 epochs distilled on raw images.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch

from space.data.builtin import BUILTIN
from space.data.drawn_images import generate
from space.data.images import DataSet
from space.networks.mobilenet_v1.description import MOBILENET_V1
from space.networks.mobilenet_v1.network import MobileNetV1
from space.pruning.channels import shrink
from space.training.batchnorm import reestimate_batchnorm
from space.training.schedules import baseline_schedule
from space.training.teacher import Teacher
from space.training.training import accuracy, fine_tune, train_baseline
from tests.space.few_images import MEAN, STD

UNPRUNED = "unpruned"
# Widths of all units and the places of the halvings: shapes as a search finds them.
NETWORKS = {
    "16, 16, 32, 64": ((16, 16, 32, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, 0), (2, 4)),
    "16, 24, 40, 40": ((16, 24, 0, 0, 40, 0, 0, 0, 0, 0, 0, 0, 40, 0), (0, 1, 4, 12)),
    "16, 24, 80": ((16, 24, 0, 0, 0, 0, 80, 0, 0, 0, 0, 0, 0, 0), (0, 1, 6)),
    "24, 48, 64, 96, 128": ((24, 48, 64, 0, 96, 0, 0, 0, 0, 0, 0, 0, 128, 0), (0, 2, 4, 12)),
}
EPOCHS, RATE, DISTILLATION = 32, 0.4, 0.9
RAW = (0.0, 0.0, 0.0)
# What the set was made for: least accuracy of the unpruned network, most of a small one, and how many weights count as
# small and as middle-sized.
LEAST_UNPRUNED, MOST_SMALL = 0.88, 0.72
SMALL, MIDDLE = 5_500, 20_000


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    started = time.perf_counter()
    data = generate()
    print(f"{len(data.train)} training, {len(data.validation)} validation, {len(data.test)} test images, fingerprint "
          f"{data.fingerprint}, generated in {time.perf_counter() - started:.1f} s")  # fmt: skip
    print(f"{'network':22} {'weights':>9} {'seed':>4} {'validation':>10} {'test':>7} {'training':>9}")
    reached: dict[str, list[float]] = {}
    sizes: dict[str, int] = {}
    for seed in range(options.seeds):
        for name, model, mean, seconds in trained(data, seed):
            validation, test = accuracy(model, data.validation, mean, STD), accuracy(model, data.test, mean, STD)
            # The test split has three times as many images as validation, and no training has seen it.
            reached.setdefault(name, []).append(test)
            sizes[name] = sum(parameter.numel() for parameter in model.parameters())
            print(f"{name:22} {sizes[name]:9,} {seed:4} {validation:10.1%} {test:7.1%} {seconds:7.0f} s", flush=True)
    return judged({name: statistics.median(values) for name, values in reached.items()}, sizes)


def trained(data: DataSet, seed: int) -> Iterator[tuple[str, MobileNetV1, tuple[float, ...], float]]:
    """The unpruned network, then each of the others with it as teacher; the mean that they subtract, the seconds."""
    started = time.perf_counter()
    baseline, _ = train_baseline(data, MOBILENET_V1, baseline_schedule(BUILTIN), seed=seed)
    yield UNPRUNED, baseline, MEAN, time.perf_counter() - started
    with tempfile.TemporaryDirectory() as folder:
        teacher = Teacher(Path(folder), "teacher", lambda: baseline, MEAN, STD)
        for name, (widths, halvings) in NETWORKS.items():
            started = time.perf_counter()
            model = shrink(baseline, widths, halvings)
            reestimate_batchnorm(model, data, seed=seed, mean=RAW, std=STD)
            fine_tune(model, data, epochs=EPOCHS, learning_rate=RATE, seed=seed, mean=RAW, std=STD,
                      distillation=DISTILLATION, teacher=teacher)  # fmt: skip
            yield name, model, RAW, time.perf_counter() - started


def judged(medians: dict[str, float], sizes: dict[str, int]) -> int:
    small = [medians[name] for name in medians if sizes[name] <= SMALL]
    middle = [medians[name] for name in medians if MIDDLE <= sizes[name] < sizes[UNPRUNED]]
    unpruned = medians[UNPRUNED]
    bars = {
        f"unpruned {unpruned:.1%}, at least {LEAST_UNPRUNED:.0%}": unpruned >= LEAST_UNPRUNED,
        f"up to {SMALL:,} weights at most {max(small):.1%}, no more than {MOST_SMALL:.0%}": max(small) <= MOST_SMALL,
        f"middle-sized {max(middle):.1%}, between them": max(small) + 0.03 <= min(middle) and max(middle) < unpruned,
    }
    for text, held in bars.items():
        print(f"{'holds ' if held else 'BROKEN'}  {text} (medians over the seeds, test)")
    return 0 if all(bars.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
