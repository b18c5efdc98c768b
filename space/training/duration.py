"""Duration: how long training takes on this machine, found out from a few steps."""

import copy
import statistics
import time

import torch

from space.data.schedule import Schedule
from space.networks.prunable import Prunable
from space.training.accelerator import accelerator, place
from space.training.step import optimizer, update

# What a training step costs whatever the size of the image (weights, optimizer, 1x1 maps), as a share of the step at
# 32 pixels; measured for MobileNet-v1 on two CPU cores, where 16 pixels cost half of 32.
FIXED_SHARE = 1 / 3


def seconds_per_image(
    model: Prunable, *, batch: int = 64, budget: float = 1.2, device: torch.device | None = None
) -> float:
    """What one training image costs on this machine: a few steps on noise, by a copy of the model."""
    device = device or accelerator()
    size = model.image.side
    trained = copy.deepcopy(model).train()
    place(trained, device)
    idle = optimizer(trained, "sgd", 0.0, 0.0)
    images = torch.randn(batch, model.image.channels, size, size, generator=torch.Generator().manual_seed(0)).to(device)
    labels = (torch.arange(batch) % model.classes).to(device)
    timing = Schedule(sizes=(size,), batch=batch, peak_rate=0.0, warm_up=0.0)
    durations: list[float] = []
    begun = time.perf_counter()
    while not durations or time.perf_counter() - begun < budget:
        started = time.perf_counter()
        update(trained, idle, [(images, labels, None)], timing)
        durations.append(time.perf_counter() - started)
    # The first step also sets memory and kernels up.
    return statistics.median(durations[1:] or durations) / batch


def baseline_seconds(schedule: Schedule, images: int, side: int, per_image: float) -> float:
    """How long `train_baseline` takes where one training image of `side` pixels costs `per_image` seconds."""
    relative = sum(FIXED_SHARE + (1 - FIXED_SHARE) * (size / side) ** 2 for size in schedule.sizes)
    # After each epoch comes the validation set, a tenth of the images, at a third of the cost.
    return per_image * relative * images * (1 + 1 / 30)
