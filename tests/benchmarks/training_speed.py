"""Images per second of our training against a plain torchvision loop: same network, optimizer and batch, in turns.

    python tests/benchmarks/training_speed.py DATA_DIR [--accelerator cpu] [--results training_speed.jsonl]

DATA_DIR holds cifar-10-batches-py. The plain loop is the one of the tutorials: crop, flip, tensor and normalise image
by image, in two worker processes that live on between runs. Ours is timed whole, from raw images to a trained network.
On a processor both arms take the same number of steps, and what pays off only over epochs (images put into their
border) is counted in full; on a GPU, which is through with those before it is set up, ours takes ten epochs. On a GPU
also: seconds of a five-epoch trial of the half-width network.

Every run is a line in the results file as soon as it is done, and is not done again.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset
from torchvision import transforms
from torchvision.datasets import CIFAR10

from space.data.cifar10 import load_cifar10
from space.data.images import DataSet
from space.data.schedule import Schedule
from space.networks.mobilenet_v1.network import HALVINGS, WIDTHS, MobileNetV1
from space.pruning.fractions import kept
from space.training.accelerator import accelerator, title
from space.training.step import MOMENTUM
from space.training.training import Training, fine_tune
from tests.space.few_images import MEAN, STD

BATCH, RATE, DECAY = 128, 0.05, 5e-4
WORKERS = 2
# Widths, halvings, and the steps of one run: a few seconds on two cores.
NETWORKS = {
    "0.4 M MACs": ((16, 48, 0, 0, 0, 0, 96, 0, 0, 0, 0, 0, 96, 0), (0, 1, 6), 150),
    "full": (WIDTHS, HALVINGS, 15),
}
# A GPU is through with so few before it is warm: steps of the plain loop, and epochs of ours.
GPU_STEPS, GPU_EPOCHS = 300, 10
ARMS = ("ours", "plain")
# The least that ours must be of plain.
BARS = {"cpu": {"0.4 M MACs": 1.5, "full": 0.95}, "cuda": {"0.4 M MACs": 20.0}}


class Results:
    """A line for each run; those of another device, number of threads or steps have other names."""

    def __init__(self, path: Path, device: torch.device) -> None:
        self._path, self._device = path, device
        lines = path.read_text().splitlines() if path.exists() else []
        self._known = {line["run"]: line for line in map(json.loads, lines)}

    def once(self, run: str, figure: str, measure: Callable[[], float]) -> float:
        run = f"{run}, {self._device.type}, {torch.get_num_threads()} threads"
        if run not in self._known:
            self._known[run] = {"run": run, figure: measure(), "on": title(self._device)}
            with self._path.open("a") as file:
                file.write(json.dumps(self._known[run]) + "\n")
            print(json.dumps(self._known[run]), flush=True)
        value: float = self._known[run][figure]
        return value


def network(name: str) -> MobileNetV1:
    torch.manual_seed(0)
    return MobileNetV1(*NETWORKS[name][:2])


class Ours:
    def __init__(self, data: DataSet, images: int, device: torch.device, batch: int = BATCH, epochs: int = 1) -> None:
        # Two images of validation: their accuracy is part of an epoch, and of no plain loop.
        few = {"validation": data.validation.take(np.arange(2)), "test": data.test.take(np.arange(2))}
        images = min(images, len(data.train)) // batch * batch
        self._data = replace(data, train=data.train.take(np.arange(images)), **few)
        self._schedule = Schedule(
            sizes=(data.shape.side,) * epochs, batch=batch, peak_rate=RATE, warm_up=0.2, weight_decay=DECAY
        )
        self._device = device
        self.images = images * epochs

    def __call__(self, model: MobileNetV1) -> None:
        Training(model, self._data, self._schedule, 0, MEAN, STD, self._device).run(None, None)


class Plain:
    def __init__(
        self, images: Dataset[tuple[Tensor, int]], count: int, device: torch.device, batch: int = BATCH
    ) -> None:
        self.images = count // batch * batch
        self._loader: DataLoader[tuple[Tensor, Tensor]] = DataLoader(
            Subset(images, range(self.images)),
            batch_size=batch,
            shuffle=True,
            drop_last=True,
            num_workers=WORKERS,
            persistent_workers=True,
            pin_memory=device.type == "cuda",
        )
        self._device = device

    def __call__(self, model: MobileNetV1) -> None:
        network: nn.Module = model.to(self._device).train()
        optimizer = torch.optim.SGD(network.parameters(), lr=RATE, momentum=MOMENTUM, nesterov=True, weight_decay=DECAY)
        for images, labels in self._loader:
            optimizer.zero_grad()
            answers = network(images.to(self._device, non_blocking=True))
            F.cross_entropy(answers, labels.to(self._device, non_blocking=True)).backward()
            optimizer.step()
        network.to("cpu")  # waits for the last step, as ours does


def augmented() -> transforms.Compose:
    return transforms.Compose(
        [
            transforms.RandomCrop(32, padding=4),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(MEAN, STD),
        ]
    )


def per_second(train: Ours | Plain, name: str) -> float:
    model = network(name)
    begun = time.perf_counter()
    train(model)
    return train.images / (time.perf_counter() - begun)


def compare(
    name: str, data: DataSet, folder: Path, device: torch.device, results: Results, runs: int, steps: int
) -> str:
    count, epochs = steps * BATCH, 1 if device.type == "cpu" else GPU_EPOCHS
    plain = Plain(CIFAR10(folder, train=True, transform=augmented()), count, device)
    arms: dict[str, Ours | Plain] = {"ours": Ours(data, count, device, epochs=epochs), "plain": plain}
    warm: set[str] = set()

    def measured(arm: str) -> float:
        if arm not in warm:
            # Workers are started, kernels chosen.
            arms[arm](network(name))
            warm.add(arm)
        return per_second(arms[arm], name)

    speeds: dict[str, list[float]] = {arm: [] for arm in ARMS}
    for run in range(1, runs + 1):
        for arm in ARMS:
            title = f"{name}, {steps} steps, {arm}, run {run}"
            speeds[arm].append(results.once(title, "images_per_s", lambda arm=arm: measured(arm)))
    ratio = statistics.median(speeds["ours"]) / statistics.median(speeds["plain"])
    pairs = [ours / plain for ours, plain in zip(speeds["ours"], speeds["plain"], strict=True)]
    bar = BARS.get(device.type, {}).get(name)
    return (
        f"{name}: {', '.join(f'{arm} {_spread(speeds[arm])}' for arm in ARMS)} images/s, ratio {ratio:.2f} "
        f"(pairs {min(pairs):.2f} to {max(pairs):.2f})" + (f", at least {bar}" if bar else "")
    )


def _spread(figures: list[float]) -> str:
    return f"{statistics.median(figures):,.0f} ({min(figures):,.0f} to {max(figures):,.0f})"


def trial(data: DataSet, device: torch.device) -> float:
    """Seconds of five epochs, the images' way to the device and validation included."""
    torch.manual_seed(0)
    model = MobileNetV1(tuple(kept(width, 0.5) for width in WIDTHS), HALVINGS)
    begun = time.perf_counter()
    fine_tune(model, data, epochs=5, learning_rate=RATE, seed=0, device=device)
    return time.perf_counter() - begun


def report(options: argparse.Namespace) -> Iterator[str]:
    device = accelerator(options.accelerator)
    data = load_cifar10(options.data_dir)
    results = Results(options.results, device)
    yield f"{title(device)}; batch {BATCH}, {options.runs} runs each, in turns; median (least to most)"
    for name, (_, _, steps) in NETWORKS.items():
        steps = options.steps or (steps if device.type == "cpu" else GPU_STEPS)
        yield compare(name, data, options.data_dir, device, results, options.runs, steps)
    if device.type != "cpu":
        seconds = [
            results.once(f"half width, 5 epochs, run {run}", "seconds", lambda: trial(data, device))
            for run in range(1, options.runs + 1)
        ]
        yield f"five epochs of the half-width network: {statistics.median(seconds):.1f} s, of {sorted(seconds)}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("--accelerator", default="auto")
    parser.add_argument("--results", type=Path, default=Path("training_speed.jsonl"))
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--steps", type=int, help="of each run, instead of as many as take a few seconds")
    for line in report(parser.parse_args()):
        print(line, flush=True)


if __name__ == "__main__":
    main()
