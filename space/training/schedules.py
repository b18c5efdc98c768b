"""Schedules: which one a baseline is trained by, the batches of fine-tuning, the learning rate at each step."""

import math

from space.data.collection import Collection
from space.data.images import ImageShape
from space.data.schedule import Schedule

FINAL_RATE = 0.002  # of the peak
# Fewer steps than this in an epoch, and one epoch of fine-tuning repairs little: then batches are made smaller.
FINE_TUNING_BATCHES = (256, 128, 64, 32)
STEPS_PER_EPOCH = 30
PLAIN_BATCH, PLAIN_STEPS_PER_EPOCH = 128, 60
# Networks of a search are too small to learn a data set by heart: most of what keeps large ones from it costs them
# accuracy. Chosen on 10,000 of CIFAR-10's training images (docs/training.md).
SMALL_NETWORKS_DECAY = 1e-4
SMALL_NETWORKS_SHIFT = 0.5


def baseline_schedule(
    collection: Collection, length: str = "auto", accelerator: str = "cpu", shape: ImageShape | None = None
) -> Schedule:
    """The data set's own, for images of `shape`; `auto` is short where a processor trains."""
    long = length == "long" or (length == "auto" and accelerator != "cpu")
    schedule = (collection.long_schedule if long else None) or collection.schedule
    return schedule.scaled(shape.side / collection.shape.side) if shape else schedule


def fine_tuning_batch(images: int, largest: int = FINE_TUNING_BATCHES[0], least_steps: int = STEPS_PER_EPOCH) -> int:
    """The largest batch that still makes enough steps of an epoch."""
    batches = [batch for batch in FINE_TUNING_BATCHES if batch <= largest]
    return next((batch for batch in batches if images // batch >= least_steps), batches[-1])


def fine_tuning_reach(images: int) -> float:
    """How far an epoch moves the weights, at most: its steps times their rate, in steps at the rate of the largest
    batches."""
    batch = fine_tuning_batch(images)
    return max(1, images // batch) * _rate(batch)


def fine_tuning_schedule(
    images: int, side: int, epochs: int, learning_rate: float, distillation: float = 0.0
) -> Schedule:
    """A pruned network's, on so many training images of so many pixels to a side. The rate belongs to the largest
    batches."""
    batch = fine_tuning_batch(images)
    return Schedule(
        sizes=(side,) * epochs,
        batch=batch,
        peak_rate=learning_rate * _rate(batch),
        warm_up=0.2,
        optimizer="muon",
        weight_decay=SMALL_NETWORKS_DECAY,
        distillation=distillation,
        shift=SMALL_NETWORKS_SHIFT,
    )


def _rate(batch: int) -> float:
    """The rate of these batches, over that of the largest: noise in gradients grows with the root of their share."""
    return math.sqrt(batch / FINE_TUNING_BATCHES[0])


def plain_schedule(images: int, side: int, epochs: int, learning_rate: float, distillation: float = 0.0) -> Schedule:
    """A schedule that keeps what a network has: weights that are zero, scales that are drawn there, levels of int8."""
    return Schedule(
        sizes=(side,) * epochs,
        batch=fine_tuning_batch(images, PLAIN_BATCH, PLAIN_STEPS_PER_EPOCH),
        peak_rate=learning_rate,
        warm_up=0.2,
        distillation=distillation,
    )


def one_cycle(share: float, warm_up: float) -> float:
    """The learning rate, as a share of its peak, at this share of the steps: a straight rise, then half a cosine."""
    if share < warm_up:
        return share / warm_up
    fall = (share - warm_up) / (1 - warm_up)
    return FINAL_RATE + (1 - FINAL_RATE) * (1 + math.cos(math.pi * fall)) / 2
