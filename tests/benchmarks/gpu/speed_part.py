"""Speed: training against the plain loop, and what is planned against what is taken."""

import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset
from torchvision.datasets import CIFAR10, FakeData

from search.running import training_speed
from search.running.training_speed import baseline_seconds
from search.settings.settings import Settings
from space.checkpoint import unpruned_model
from space.data.choose import data_set_named
from space.data.cifar10 import load_cifar10
from space.data.images import DataSet, Images
from space.networks.choose import network_named
from space.networks.names import DEFAULT
from space.training.batchnorm import reestimate_batchnorm
from space.training.fitting import fitting
from space.training.schedules import baseline_schedule
from space.training.training import Training, fine_tune
from tests.benchmarks.gpu.check import Check, Figure
from tests.benchmarks.training_speed import NETWORKS, Ours, Plain, augmented, per_second
from tests.shapes import examples
from tests.space.few_images import MEAN, STD

NETWORK = network_named(DEFAULT)
SMALL, FULL = NETWORKS
BATCHES = (128, 512)
# Images of one run of the plain loop: six seconds at what two workers bring; and the epochs of one run of ours.
PLAIN_IMAGES, EPOCHS = 38_400, {SMALL: 10, FULL: 3}
RUNS = 3
LEAST_RATIO = 20.0
# Fine-tuning whose duration is planned: of the second of the examples.
PLANNED_EPOCHS = 32
OFF_BY = 1.5


def figures(check: Check) -> Iterator[Figure]:
    data = made_up_data() if check.quick else load_cifar10(check.data_dir)
    for name in NETWORKS:
        for batch in (16,) if check.quick else BATCHES:
            yield over_plain(check, data, name, batch)
    planned = check.once("planned, a baseline's epoch", lambda: baseline_epoch(check, data))
    yield ratio("an epoch of the long baseline, planned over taken", planned)
    if hasattr(training_speed, "trainings"):
        epochs = 1 if check.quick else PLANNED_EPOCHS
        planned = check.once("planned, fine-tuning", lambda: fine_tuning(check, data, epochs))
        yield ratio(f"fine-tuning of a small network, {epochs} epochs, planned over taken", planned)


def over_plain(check: Check, data: DataSet, name: str, batch: int) -> Figure:
    epochs = 1 if check.quick else EPOCHS[name]
    ours = Ours(data, len(data.train), check.device, batch, epochs)
    plain = Plain(plain_images(check), len(data.train) if check.quick else PLAIN_IMAGES, check.device, batch)
    arms: dict[str, Ours | Plain] = {"ours": ours, "plain": plain}
    warm: set[str] = set()

    def measured(arm: str) -> Mapping[str, float]:
        if arm not in warm:
            # Workers are started, kernels chosen.
            per_second(Ours(data, 10 * batch, check.device, batch) if arm == "ours" else plain, name)
            warm.add(arm)
        return {"images_per_s": per_second(arms[arm], name)}

    speeds_of: dict[str, list[float]] = {arm: [] for arm in arms}
    for run in range(1 if check.quick else RUNS):
        for arm in arms:
            what = f"{name}, batch {batch}, {arm}, run {run + 1}"
            speeds_of[arm].append(check.once(what, lambda arm=arm: measured(arm))["images_per_s"])
    medians = {arm: statistics.median(speeds) for arm, speeds in speeds_of.items()}
    return Figure(
        name=f"{name}, batch {batch}, ours over the plain loop",
        value=medians["ours"] / medians["plain"],
        unit=" x",
        least=LEAST_RATIO if name == SMALL else None,
        note=f"{medians['ours']:,.0f} and {medians['plain']:,.0f} images/s, medians of {len(speeds_of['ours'])}",
    )


def ratio(name: str, planned: Mapping[str, float]) -> Figure:
    planned_s, taken_s = planned["planned_s"], planned["taken_s"]
    note = f"planned {planned_s:.2f} s, taken {taken_s:.2f} s"
    return Figure(name=name, value=planned_s / taken_s, unit=" x", least=1 / OFF_BY, most=OFF_BY, note=note)


def baseline_epoch(check: Check, data: DataSet) -> dict[str, float]:
    """The mean of the schedule's; one of each size is timed, after one of that size that is not counted."""
    collection, side = data_set_named("cifar10"), data.shape.side
    schedule = baseline_schedule(collection, "long", check.device.type, data.shape)
    schedule = fitting(schedule, NETWORK, side)
    whole_s = baseline_seconds(collection, data.shape, settings_of(check), None, "long")
    sizes = sorted(set(schedule.sizes))
    # How fast it learns takes no time, and too fast would be an error.
    twice = replace(schedule, sizes=tuple(size for size in sizes for _ in range(2)), peak_rate=1e-3)
    model = unpruned_model(NETWORK, data.shape, data.classes)
    epochs = Training(model, data, twice, 0, data.mean, data.std, check.device).run(None, None)
    of_size = {size: epoch.seconds for size, epoch in zip(sizes, epochs[1::2], strict=True)}
    count = len(schedule.sizes)
    return {
        "planned_s": whole_s / count * len(data.train) / collection.training_images,
        "taken_s": sum(of_size[size] for size in schedule.sizes) / count,
    }


def fine_tuning(check: Check, data: DataSet, epochs: int) -> dict[str, float]:
    """A fine-tuning as a trial's, without a teacher."""
    recipe = examples(NETWORK)[1]
    trainings = training_speed.trainings(settings_of(check), None, data)
    model = NETWORK.built(recipe.widths, recipe.halvings, data.shape, data.classes)
    begun = time.perf_counter()
    reestimate_batchnorm(model, data, seed=0)
    fine_tune(model, data, epochs=epochs, learning_rate=0.01, seed=0, device=check.device)
    return {"planned_s": trainings.seconds(recipe, epochs), "taken_s": time.perf_counter() - begun}


def settings_of(check: Check) -> Settings:
    return replace(Settings(), accelerator=check.device.type)


def plain_images(check: Check) -> Dataset[tuple[Tensor, int]]:
    images: Dataset[tuple[Tensor, int]]
    if check.quick:
        images = FakeData(len(made_up_data().train), (3, 32, 32), 10, augmented())
    else:
        images = CIFAR10(check.data_dir, train=True, transform=augmented())
    return images


def made_up_data() -> DataSet:
    def noise(count: int) -> Images:
        pixels = np.random.default_rng(count).integers(0, 256, (count, 3, 32, 32), np.uint8)
        return Images(pixels, np.arange(count) % 10)

    few = noise(16)
    return DataSet(name="noise", train=noise(64), validation=few, test=few, classes=10, mean=MEAN, std=STD)
