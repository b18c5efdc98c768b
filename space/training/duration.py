"""Duration: how fast this machine trains, found out from a second or two of it, on noise, as it is really done."""

import itertools
import statistics
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from space.data.augmentation import Pictures
from space.data.images import DataSet, Images, ImageShape
from space.data.schedule import Schedule
from space.networks.choose import network_of, work_of
from space.networks.network import Network, thinned, unpruned
from space.networks.prunable import Prunable
from space.recipe import Recipe
from space.training.accelerator import place
from space.training.schedules import fine_tuning_schedule
from space.training.speed import USUAL, BaselineSpeed, Speed
from space.training.teacher import Teacher
from space.training.training import Training, accuracy
from space.training.validation import VALIDATION_BATCH

# Seconds that one epoch of what is timed takes, about: short beside what a person waits for, long beside what an epoch
# takes whatever its images, and beside a burst of other work.
_EPOCH_S = 0.25
# A pass with gradients and the update take so many times a pass without; only for how many images are shown.
_OF_FORWARD = 4.0
# Fewer images make no batch that BatchNorm learns from; a large network on a slow processor sees no more.
_LEAST_IMAGES = 16
# An epoch that was too short to tell is repeated with at most so many times as many images: the time that a few images
# take says little of the time that many take.
_MOST_MORE = 8.0
# Answers that took less say little of how long more of them take.
_TELLING_S = 0.02
# Seconds after which no further network is begun: on a machine whose cores others want, a thread waits for the other.
_LIMIT_S = 6.0
# Training images for each one of validation, by the rule of the splits.
_TRAINING_FOR_VALIDATION = 9


@dataclass(frozen=True)
class Machine:
    """What trains, and what it is shown: noise, as many images as a data set has, of its shape."""

    device: torch.device
    shape: ImageShape
    classes: int
    images: int

    def data(self, count: int) -> DataSet:
        draw = np.random.default_rng(0)

        def noise(images: int) -> Images:
            side, channels = self.shape.side, self.shape.channels
            pixels = draw.integers(0, 256, (images, channels, side, side), dtype=np.uint8)
            return Images(pixels, np.arange(images) % self.classes)

        judged = max(1, count // _TRAINING_FOR_VALIDATION)
        if self.device.type == "cuda" and judged > VALIDATION_BATCH:
            # Validation is by whole batches, as a data set's usually is: the shape of a last, smaller one would take
            # the device seconds of its own.
            judged = judged // VALIDATION_BATCH * VALIDATION_BATCH
        validation, middle = noise(judged), (0.5,) * self.shape.channels
        return DataSet(
            name="noise",
            train=noise(count),
            validation=validation,
            test=validation,
            classes=self.classes,
            mean=middle,
            std=middle,
        )

    def built(self, network: Network, recipe: Recipe) -> Prunable:
        return network.built(recipe.widths, recipe.halvings, self.shape, self.classes)

    def forward_s(self, model: Prunable) -> float:
        """What one image takes in a pass without gradients."""
        data = self.data(_LEAST_IMAGES)
        place(model, self.device)
        accuracy(model, data.train, data.mean, data.std)
        while True:
            count = len(data.train)
            begun = time.perf_counter()
            accuracy(model, data.train, data.mean, data.std)
            taken_s = time.perf_counter() - begun
            if taken_s >= _TELLING_S or count >= self.images:
                return taken_s / count
            data = self.data(min(4 * count, self.images))

    def shown(self, forward_s: float, batch: int) -> int:
        """How many images make an epoch that takes as long as it should; whole batches, where one fits."""
        return self.whole_batches(int(_EPOCH_S / (_OF_FORWARD * forward_s)), batch)

    def whole_batches(self, count: int, batch: int) -> int:
        """About so many images, of those that there are."""
        count = min(max(count, _LEAST_IMAGES), self.images)
        return count // batch * batch if count >= batch else count


def fine_tuning_speed(network: Network, machine: Machine) -> Speed:
    """The speed by networks of which each waits for something else; whole batches, as a search trains: in smaller ones
    the update of the weights takes more of each image, and memory less."""
    recipes = _apart(network)
    side = machine.shape.side
    # One epoch that is not counted, and one that is, whatever the sizes of others.
    schedule = replace(fine_tuning_schedule(machine.images, side, 2, 0.0), sizes=(side, side))
    # What a process does once, at its first training, is no part of any.
    first = replace(schedule, sizes=(side,))
    (first_s,), _ = epochs(machine, machine.built(network, recipes[0]), first, _LEAST_IMAGES)
    images_s = [first_s / _LEAST_IMAGES]
    set_ups_s: list[float] = []
    begun = time.perf_counter() - first_s
    for recipe in recipes:
        if time.perf_counter() - begun > _LIMIT_S:
            return _like_usual(recipes, images_s)
        model = machine.built(network, recipe)
        count = max(machine.shown(machine.forward_s(model), schedule.batch), schedule.batch)
        image_s, set_up_s = _long_enough(machine, model, schedule, machine.whole_batches(count, schedule.batch))
        images_s = [*images_s[: len(set_ups_s)], image_s]
        set_ups_s.append(set_up_s)
    teacher = machine.built(network, unpruned(network))
    answer_s = seconds_of_an_answer(machine, teacher, int(_EPOCH_S / machine.forward_s(teacher)))
    return speed_of(recipes, images_s, set_ups_s, answer_s)


def speed_of(
    recipes: Sequence[Recipe], images_s: Sequence[float], set_ups_s: Sequence[float], answer_s: float
) -> Speed:
    """The speed, from what an image and the set-up took of each network. Chance makes a set-up longer, and so does what
    a process does once, at its first training; nothing makes it shorter."""
    layer_s, value_s, mac_s = told_apart(recipes, images_s)
    return Speed(set_up_s=min(set_ups_s), layer_s=layer_s, value_s=value_s, mac_s=mac_s, answer_s=answer_s)


def _long_enough(machine: Machine, model: Prunable, schedule: Schedule, count: int) -> tuple[float, float]:
    """Seconds of an image in the last epoch, and of what is done once. Of a small network so many images as its passes
    let expect are over in no time, most of which an epoch takes whatever its images: then more are shown."""
    while True:
        (*_, epoch_s), whole_s = epochs(machine, model, schedule, count)
        if epoch_s >= _EPOCH_S / 2 or count >= machine.images // schedule.batch * schedule.batch:
            return epoch_s / count, max(0.0, whole_s - len(schedule.sizes) * epoch_s)
        count = machine.whole_batches(int(count * min(_EPOCH_S / epoch_s, _MOST_MORE)), schedule.batch)


def _like_usual(recipes: Sequence[Recipe], images_s: Sequence[float]) -> Speed:
    """The usual speed, slowed down by as much as the networks were that there was time for."""
    usual_s = [USUAL.of_image(work_of(recipe)) for recipe in recipes]
    return USUAL.slower(statistics.fmean(taken / usual for taken, usual in zip(images_s, usual_s, strict=False)))


def baseline_speed(network: Network, schedule: Schedule, machine: Machine) -> BaselineSpeed:
    """`schedule`: as the network follows it."""
    model = machine.built(network, unpruned(network))
    sizes = sorted({min(schedule.sizes), max(schedule.sizes)})
    count = machine.shown(machine.forward_s(model), schedule.batch)
    # At each size one epoch first that is not counted.
    timed = replace(schedule, sizes=tuple(size for size in sizes for _ in range(2)), peak_rate=0.0)
    epochs(machine, model, replace(timed, sizes=timed.sizes[:1]), _LEAST_IMAGES)
    epochs_s, whole_s = epochs(machine, model, timed, count)
    counted_s = epochs_s[1::2]
    return BaselineSpeed(
        set_up_s=max(0.0, whole_s - 2 * sum(counted_s)),
        image_s=tuple((size, epoch_s / count) for size, epoch_s in zip(sizes, counted_s, strict=True)),
    )


def _apart(network: Network) -> list[Recipe]:
    """Networks as far apart as those of a search are, the smallest first. A tenth of each width: in half of the blocks,
    where what each layer costs anyhow counts; in few blocks and halved late, where values do. A third of the widths in
    all of the blocks, and all of the width in half of them, halved early, where multiply-accumulates count."""
    recipes = (thinned(network, 0.1, 2), _halved_late(thinned(network, 0.1, 4)), thinned(network, 0.35),
               thinned(network, 1.0, 2))  # fmt: skip
    return list({_values(recipe): recipe for recipe in sorted(recipes, key=_values)}.values())


def _halved_late(recipe: Recipe) -> Recipe:
    """The network with its image halved in the last two of the units that can; as it is where halvings are fixed."""
    network = network_of(recipe)
    able = [index for index, unit in enumerate(network.units) if unit.halves and recipe.widths[index]]
    return replace(recipe, halvings=tuple(able[-2:])) if network.halvings else recipe


def _values(recipe: Recipe) -> int:
    return work_of(recipe).values


def epochs(machine: Machine, model: Prunable, schedule: Schedule, count: int) -> tuple[list[float], float]:
    """Seconds of each epoch, and of the whole training: it ends with the weights on the processor, so the device has
    done what it was asked."""
    data = machine.data(count)
    begun = time.perf_counter()
    history = Training(model, data, schedule, 0, data.mean, data.std, machine.device).run(None, None)
    return [epoch.seconds for epoch in history], time.perf_counter() - begun


def seconds_of_an_answer(machine: Machine, model: Prunable, count: int) -> float:
    """The teacher's, to each of so many images, in the second view: what a device does once is behind it."""
    data = machine.data(min(max(count, _LEAST_IMAGES), machine.images))
    pictures = Pictures(data, machine.device, data.mean, data.std)
    with tempfile.TemporaryDirectory() as folder:
        teacher = Teacher(Path(folder), data.name, lambda: model, data.mean, data.std)
        teacher.logits(pictures, 0)
        begun = time.perf_counter()
        teacher.logits(pictures, 1)
        return (time.perf_counter() - begun) / len(data.train)


def told_apart(recipes: Sequence[Recipe], images_s: Sequence[float]) -> tuple[float, float, float]:
    """What a layer, a value and a multiply-accumulate take: none of them less than nothing, the relative errors as
    small as can be."""
    works = map(work_of, recipes)
    rows = [(float(work.layers), float(work.values), float(work.macs)) for work in works]
    relative = np.array(rows) / np.array(images_s)[:, np.newaxis]
    best, least = (0.0, 0.0, 0.0), np.inf
    # Few equations: every choice of what takes nothing is tried.
    for taking in itertools.product((False, True), repeat=3):
        columns = np.flatnonzero(taking)
        if not len(columns):
            continue
        solution: NDArray[np.float64] = np.linalg.lstsq(relative[:, columns], np.ones(len(rows)), rcond=None)[0]
        error = float(((relative[:, columns] @ solution - 1) ** 2).sum())
        if (solution >= 0).all() and error < least:
            whole = np.zeros(3)
            whole[columns] = solution
            best, least = (float(whole[0]), float(whole[1]), float(whole[2])), error
    return best
