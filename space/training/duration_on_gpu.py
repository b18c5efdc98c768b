"""Duration on a GPU: how fast it trains, found out from a few thousand images of noise.

Its libraries find out how a layer is best computed when they first meet its shape: about 0.09 s for each layer, size of
batch and direction (NVIDIA H200, cuDNN 9, PyTorch 2.11), so that the first epoch of a small network takes 4 s and each
of the others 0.2 s. What a training is shown first is part of its set-up here, and no more shapes are shown than that
takes.
"""

import statistics
from dataclasses import replace

from space.data.schedule import Schedule
from space.networks.network import Network, thinned, unpruned
from space.training.duration import Machine, epochs, seconds_of_an_answer, speed_of
from space.training.schedules import fine_tuning_schedule
from space.training.speed import BaselineSpeed, Speed
from space.training.validation import VALIDATION_BATCH

# Steps of each epoch that is timed: 60 ms of a small network on an H200, of which what any epoch takes is a tenth.
_STEPS, _STEPS_OF_BASELINE = 64, 16
# Epochs that are counted, after one that is not.
_COUNTED = 3


def fine_tuning_speed(network: Network, machine: Machine) -> Speed:
    """Timed with a network of a tenth of each width in a third of the blocks, and with one of a third of each width in
    half of them: larger ones are hardly ever fine-tuned."""
    side = machine.shape.side
    schedule = replace(fine_tuning_schedule(machine.images, side, 1, 0.0), sizes=(side,) * (1 + _COUNTED))
    count = machine.whole_batches(_STEPS * schedule.batch, schedule.batch)
    recipes = (thinned(network, 0.1, every=3), thinned(network, 0.35, every=2))
    images_s, set_ups_s = [], []
    for recipe in recipes:
        (_, *counted_s), whole_s = epochs(machine, machine.built(network, recipe), schedule, count)
        epoch_s = statistics.median(counted_s)
        images_s.append(epoch_s / count)
        set_ups_s.append(max(0.0, whole_s - len(schedule.sizes) * epoch_s))
    model, answers = machine.built(network, unpruned(network)), _STEPS_OF_BASELINE * VALIDATION_BATCH
    return speed_of(recipes, images_s, set_ups_s, seconds_of_an_answer(machine, model, answers))


def baseline_speed(network: Network, schedule: Schedule, machine: Machine) -> BaselineSpeed:
    """`schedule`: as the network follows it."""
    sizes = sorted({min(schedule.sizes), max(schedule.sizes)})
    epochs_of_size = 1 + _COUNTED
    timed = replace(schedule, sizes=tuple(size for size in sizes for _ in range(epochs_of_size)), peak_rate=0.0)
    count = machine.whole_batches(_STEPS_OF_BASELINE * schedule.batch, schedule.batch)
    epochs_s, whole_s = epochs(machine, machine.built(network, unpruned(network)), timed, count)
    counted_s = [
        statistics.median(epochs_s[begin + 1 : begin + epochs_of_size])
        for begin in range(0, len(epochs_s), epochs_of_size)
    ]
    return BaselineSpeed(
        set_up_s=max(0.0, whole_s - epochs_of_size * sum(counted_s)),
        image_s=tuple((size, epoch_s / count) for size, epoch_s in zip(sizes, counted_s, strict=True)),
    )
