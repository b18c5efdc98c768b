"""Schedules: how long, how fast and in which steps a network is trained."""

import math
from dataclasses import dataclass

from space.data.images import SIDE

FINAL_RATE = 0.002  # of the peak
# Fewer steps than this in an epoch, and one epoch of fine-tuning repairs little: then batches are made smaller.
STEPS_PER_EPOCH = 60
FINE_TUNING_BATCHES = (128, 64, 32)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """How to train on one data set; the sizes run from small to large, as small images are cheap."""

    sizes: tuple[int, ...]  # pixels, one entry per epoch
    batch: int
    peak_rate: float
    warm_up: float  # share of the steps
    optimizer: str = "sgd"  # or "adam"
    near_identity: bool = False
    weight_decay: float = 5e-4  # Adam's is decoupled: AdamW
    label_smoothing: float = 0.0
    distillation: float = 0.0  # share of the loss that is the distance to the teacher's answers


# A data set without a row of its own is trained as CIFAR-10 is.
BASELINE_SCHEDULES = {
    "cifar10": Schedule(
        sizes=(16,) * 4 + (24,) * 4 + (32,) * 5, batch=128, peak_rate=0.2, warm_up=0.3, label_smoothing=0.05
    ),
    # A few hundred steps from scratch: Adam, and blocks that begin near the identity, make them enough.
    "builtin": Schedule(
        sizes=(24,) * 17 + (32,) * 6,
        batch=24,
        peak_rate=0.003,
        warm_up=0.2,
        optimizer="adam",
        weight_decay=0.05,
        label_smoothing=0.1,
        near_identity=True,
    ),
}
# What a GPU makes of CIFAR-10 in minutes, and a processor in hours.
LONG_SCHEDULES = {
    "cifar10": Schedule(
        sizes=(SIDE,) * 40, batch=256, peak_rate=0.4, warm_up=0.2, weight_decay=5e-4, label_smoothing=0.1
    ),
}


def baseline_schedule(name: str, length: str = "auto", accelerator: str = "cpu") -> Schedule:
    """By the name of the data set; `auto` is short where a processor trains."""
    long = length == "long" or (length == "auto" and accelerator != "cpu")
    table = BASELINE_SCHEDULES | LONG_SCHEDULES if long else BASELINE_SCHEDULES
    return table.get(name, table["cifar10"])


def fine_tuning_batch(images: int) -> int:
    """The largest batch that still makes enough steps of an epoch."""
    enough = [batch for batch in FINE_TUNING_BATCHES if images // batch >= STEPS_PER_EPOCH]
    return enough[0] if enough else FINE_TUNING_BATCHES[-1]


def one_cycle(share: float, warm_up: float) -> float:
    """The learning rate, as a share of its peak, at this share of the steps: a straight rise, then half a cosine."""
    if share < warm_up:
        return share / warm_up
    fall = (share - warm_up) / (1 - warm_up)
    return FINAL_RATE + (1 - FINAL_RATE) * (1 + math.cos(math.pi * fall)) / 2
