"""Training on this machine: the baseline from scratch, and the fine-tuning of pruned networks."""

import copy
import math
import platform
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from space.architectures.mobilenet_v1 import MobileNetV1
from space.errors import CandidateError
from space.images import CLASSES, MEAN, STD, DataSet, Images

SIDE = 32  # pixels
MOMENTUM = 0.9
FINAL_RATE = 0.002  # of the peak
DEPTHWISE_IDENTITY = 0.5
POINTWISE_IDENTITY = 1.0
# Fewer steps than this in an epoch, and one epoch of fine-tuning repairs little: then batches are made smaller.
STEPS_PER_EPOCH = 60
FINE_TUNING_BATCHES = (128, 64, 32)
# What a training step costs whatever the size of the image (weights, optimizer, 1x1 maps), as a share of the step at
# 32 pixels; measured for MobileNet-v1 on two CPU cores, where 16 pixels cost half of 32.
FIXED_SHARE = 1 / 3


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the training images, and what it led to."""

    number: int  # from 1
    loss: float
    validation_accuracy: float  # at the size of image that the epoch trained on
    seconds: float


# Called after every epoch: the epoch, and how many in all.
Progress = Callable[[Epoch, int], None]
# Called after every step: how many are done, and how many in all.
StepProgress = Callable[[int, int], None]


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


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What may be done to an image without changing its class."""

    shift: int  # pixels, each way
    flip: bool


# A data set without a row of its own is trained as CIFAR-10 is.
BASELINE_SCHEDULES = {
    "cifar10": Schedule(
        sizes=(16,) * 4 + (24,) * 4 + (32,) * 5, batch=128, peak_rate=0.2, warm_up=0.3, label_smoothing=0.05
    ),
    # A few hundred steps from scratch: Adam, and blocks that begin near the identity, make them enough.
    "builtin": Schedule(
        sizes=(24, 24, 32),
        batch=48,
        peak_rate=0.006,
        warm_up=0.2,
        optimizer="adam",
        weight_decay=0.05,
        near_identity=True,
    ),
}
AUGMENTATIONS = {
    "cifar10": Augmentation(shift=4, flip=True),
    "builtin": Augmentation(shift=3, flip=False),  # a mirror turns rising stripes into falling ones
}
# For a data set without a row of its own: nothing that could change a class.
PLAIN = Augmentation(shift=2, flip=False)


def accelerator() -> torch.device:
    """The fastest device of this machine."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def accelerator_name() -> str:
    """With what it depends on, for a person."""
    device = accelerator()
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)}), torch {torch.__version__}, CUDA {torch.version.cuda}"
    return f"{device.type} ({platform.machine()}), torch {torch.__version__}, {torch.get_num_threads()} threads"


def normalise(pixels: Tensor, mean: Sequence[float] = MEAN, std: Sequence[float] = STD) -> Tensor:
    """Raw images, 0 to 255, as the network takes them."""
    shape = (1, -1, 1, 1)
    centre = torch.tensor(mean, device=pixels.device).view(shape)
    spread = torch.tensor(std, device=pixels.device).view(shape)
    return (pixels.float() / 255 - centre) / spread


def accuracy(
    model: nn.Module,
    images: Images,
    mean: Sequence[float] = MEAN,
    std: Sequence[float] = STD,
    batch: int = 250,
    *,
    size: int = SIDE,
) -> float:
    """Share of right answers; the mode of the model is left as it was."""
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    right = 0
    with torch.inference_mode():
        for start in range(0, len(images), batch):
            pixels = torch.from_numpy(images.pixels[start : start + batch]).to(device)
            labels = torch.from_numpy(images.labels[start : start + batch]).to(device)
            right += int((model(_resized(normalise(pixels, mean, std), size)).argmax(1) == labels).sum())
    model.train(was_training)
    return right / len(images)


def augment(images: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """Every image shifted and flipped by chance of its own; what moves in is 0, as at the border of a convolution.

    The chances are drawn on the CPU, so that every device sees the same ones.
    """
    count, _, height, width = images.shape
    shift = augmentation.shift
    down = torch.randint(0, 2 * shift + 1, (count, 1), generator=generator)
    right = torch.randint(0, 2 * shift + 1, (count, 1), generator=generator)
    rows = down + torch.arange(height)
    columns = right + torch.arange(width)
    if augmentation.flip:
        flipped = torch.randint(0, 2, (count, 1), generator=generator).bool()
        columns = torch.where(flipped, columns.flip(1), columns)
    padded = F.pad(images, (shift, shift, shift, shift))
    which = torch.arange(count)[:, None, None]
    # Indexing around a slice puts the channels last, which is the order that convolutions are fastest in.
    moved = padded[
        which.to(images.device), :, rows[:, :, None].to(images.device), columns[:, None, :].to(images.device)
    ]
    return moved.permute(0, 3, 1, 2)


def train_baseline(
    data: DataSet,
    *,
    seed: int,
    progress: Progress | None = None,
    step_progress: StepProgress | None = None,
    device: torch.device | None = None,
) -> tuple[MobileNetV1, tuple[Epoch, ...]]:
    """The unpruned network, trained from scratch by the schedule of its data set."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = MobileNetV1(classes=CLASSES)
    schedule = baseline_schedule(data.name)
    if schedule.near_identity:
        initialise_near_identity(model)
    history = _train(model, data, schedule, seed, MEAN, STD, progress, step_progress, device or accelerator())
    return model, history


def baseline_schedule(name: str) -> Schedule:
    """By the name of the data set."""
    return BASELINE_SCHEDULES.get(name, BASELINE_SCHEDULES["cifar10"])


def initialise_near_identity(model: nn.Module) -> None:
    """Adds to the random weights of every separable block what would pass its input through.

    Without shortcuts, thirteen blocks of random weights learn little in their first few hundred steps.
    """
    with torch.no_grad():
        for module in model.modules():
            if not isinstance(module, nn.Conv2d):
                continue
            if module.groups > 1:
                module.weight[:, :, 1, 1] += DEPTHWISE_IDENTITY
            elif module.kernel_size == (1, 1):
                outputs = torch.arange(module.out_channels)
                module.weight[outputs, outputs % module.in_channels, 0, 0] += POINTWISE_IDENTITY


def fine_tune(
    model: nn.Module,
    data: DataSet,
    *,
    epochs: int,
    learning_rate: float,
    seed: int,
    mean: Sequence[float] = MEAN,
    std: Sequence[float] = STD,
    progress: Progress | None = None,
    step_progress: StepProgress | None = None,
    device: torch.device | None = None,
) -> tuple[Epoch, ...]:
    """Trains the model in place, and leaves it on the CPU and in eval mode."""
    if epochs == 0:
        model.eval()
        return ()
    schedule = Schedule(
        sizes=(SIDE,) * epochs, batch=fine_tuning_batch(len(data.train)), peak_rate=learning_rate, warm_up=0.2
    )
    return _train(model, data, schedule, seed, mean, std, progress, step_progress, device or accelerator())


def fine_tuning_batch(images: int) -> int:
    """The largest batch that still makes enough steps of an epoch."""
    enough = [batch for batch in FINE_TUNING_BATCHES if images // batch >= STEPS_PER_EPOCH]
    return enough[0] if enough else FINE_TUNING_BATCHES[-1]


def reestimate_batchnorm(
    model: nn.Module,
    data: DataSet,
    *,
    seed: int,
    batches: int = 8,
    batch: int = 128,
    mean: Sequence[float] = MEAN,
    std: Sequence[float] = STD,
) -> None:
    """Puts BatchNorm's running figures right after channels have gone: the plain average over training images."""
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # cumulative average
    order = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(seed)).numpy()
    batch = min(batch, len(order))
    device = next(model.parameters()).device
    model.train()
    with torch.inference_mode():
        for step in range(min(batches, len(order) // batch)):
            pixels = torch.from_numpy(data.train.pixels[order[step * batch : (step + 1) * batch]])
            model(normalise(pixels.to(device), mean, std))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    model.eval()


def seconds_per_image(
    model: nn.Module, *, batch: int = 64, size: int = SIDE, budget: float = 1.2, device: torch.device | None = None
) -> float:
    """What one training image costs on this machine: a few steps on noise, by a copy of the model."""
    device = device or accelerator()
    trained = copy.deepcopy(model).train()
    _place(trained, device)
    optimizer = _optimizer(trained, "sgd", 0.0, 0.0)
    images = torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(0)).to(device)
    labels = (torch.arange(batch) % CLASSES).to(device)
    durations: list[float] = []
    begun = time.perf_counter()
    while not durations or time.perf_counter() - begun < budget:
        started = time.perf_counter()
        _step(trained, optimizer, images, labels, 0.0)
        durations.append(time.perf_counter() - started)
    # The first step also sets memory and kernels up.
    return statistics.median(durations[1:] or durations) / batch


def baseline_seconds(name: str, images: int, per_image: float) -> float:
    """How long `train_baseline` takes where one training image of 32 pixels costs `per_image` seconds."""
    sizes = baseline_schedule(name).sizes
    relative = sum(FIXED_SHARE + (1 - FIXED_SHARE) * (size / SIDE) ** 2 for size in sizes)
    # After each epoch comes the validation set, a tenth of the images, at a third of the cost.
    return per_image * relative * images * (1 + 1 / 30)


def _train(
    model: nn.Module,
    data: DataSet,
    schedule: Schedule,
    seed: int,
    mean: Sequence[float],
    std: Sequence[float],
    progress: Progress | None,
    step_progress: StepProgress | None,
    device: torch.device,
) -> tuple[Epoch, ...]:
    generator = torch.Generator().manual_seed(seed)
    augmentation = AUGMENTATIONS.get(data.name, PLAIN)
    pixels = torch.from_numpy(data.train.pixels).to(device)
    labels = torch.from_numpy(data.train.labels).to(device)
    batch = min(schedule.batch, len(labels))
    # The last, smaller batch is left out: BatchNorm cannot do with one image.
    steps = len(labels) // batch
    epochs = len(schedule.sizes)
    _place(model, device)
    optimizer = _optimizer(model, schedule.optimizer, schedule.peak_rate, schedule.weight_decay)

    history = []
    for number, size in enumerate(schedule.sizes, start=1):
        started = time.perf_counter()
        model.train()
        order = torch.randperm(len(labels), generator=generator).to(device)
        losses = []
        for step in range(steps):
            done = (number - 1) * steps + step
            rate = schedule.peak_rate * one_cycle((done + 1) / (epochs * steps), schedule.warm_up)
            optimizer.param_groups[0]["lr"] = rate
            chosen = order[step * batch : (step + 1) * batch]
            images = augment(normalise(pixels[chosen], mean, std), augmentation, generator)
            loss = _step(model, optimizer, _resized(images, size), labels[chosen], schedule.label_smoothing)
            if not math.isfinite(loss):
                raise CandidateError(
                    f"training diverged: loss {loss} in epoch {number} of {epochs} at learning rate {rate:.4g}"
                    f" (peak {schedule.peak_rate:g}); a lower rate may help"
                )
            losses.append(loss)
            if step_progress:
                step_progress(done + 1, epochs * steps)
        reached = accuracy(model, data.validation, mean, std, size=size)
        epoch = Epoch(number, statistics.fmean(losses), reached, time.perf_counter() - started)
        history.append(epoch)
        if progress:
            progress(epoch, epochs)
    model.to("cpu").to(memory_format=torch.contiguous_format)
    model.eval()
    return tuple(history)


def one_cycle(share: float, warm_up: float) -> float:
    """The learning rate, as a share of its peak, at this share of the steps: a straight rise, then half a cosine."""
    if share < warm_up:
        return share / warm_up
    fall = (share - warm_up) / (1 - warm_up)
    return FINAL_RATE + (1 - FINAL_RATE) * (1 + math.cos(math.pi * fall)) / 2


def _place(model: nn.Module, device: torch.device) -> None:
    # Channels last makes depthwise convolutions 1.4 to 1.8 times as fast on the CPU.
    order = torch.contiguous_format if device.type == "mps" else torch.channels_last
    model.to(device).to(memory_format=order)


def _optimizer(model: nn.Module, name: str, rate: float, weight_decay: float) -> torch.optim.Optimizer:
    parameters = list(model.parameters())
    fused = parameters[0].device.type in ("cpu", "cuda")
    if name == "adam":
        return torch.optim.AdamW(parameters, lr=rate, betas=(0.9, 0.99), weight_decay=weight_decay, fused=fused)
    return torch.optim.SGD(
        parameters, lr=rate, momentum=MOMENTUM, nesterov=True, weight_decay=weight_decay, fused=fused
    )


def _step(
    model: nn.Module, optimizer: torch.optim.Optimizer, images: Tensor, labels: Tensor, label_smoothing: float
) -> float:
    loss = F.cross_entropy(model(images), labels, label_smoothing=label_smoothing)
    optimizer.zero_grad()
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return loss.item()


def _resized(images: Tensor, size: int) -> Tensor:
    if images.shape[-1] == size:
        return images
    return F.interpolate(images, size=(size, size), mode="bilinear", align_corners=False)
