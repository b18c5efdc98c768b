"""Training on this machine: the baseline from scratch, and the fine-tuning of pruned networks."""

import copy
import json
import math
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from space.accelerator import accelerator, place, training_precision
from space.architectures.mobilenet_v1 import MobileNetV1
from space.augmentation import AUGMENTATIONS, PLAIN, SIDE, Pictures, View, normalise, resized
from space.errors import CandidateError
from space.files import written_whole
from space.images import CLASSES, MEAN, STD, DataSet, Images
from space.patience import Hopeless
from space.schedules import Schedule, baseline_schedule, fine_tuning_batch, one_cycle
from space.teacher import Teacher, distilled

MOMENTUM = 0.9
DEPTHWISE_IDENTITY = 0.5
POINTWISE_IDENTITY = 1.0
# What a training step costs whatever the size of the image (weights, optimizer, 1x1 maps), as a share of the step at
# 32 pixels; measured for MobileNet-v1 on two CPU cores, where 16 pixels cost half of 32.
FIXED_SHARE = 1 / 3
# A batch that does not fit into memory is taken in parts, at most so many.
MOST_PARTS = 16
# Steps between two looks at the loss: each look waits for the device.
_LOOK = 50
# Forward passes that BatchNorm's figures are put right by after pruning; later ones change nothing any more.
BATCHNORM_BATCHES = 100
# A checkpoint is not written more often than this.
_CHECKPOINT_S = 10.0


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
            right += int((model(resized(normalise(pixels, mean, std), size)).argmax(1) == labels).sum())
    model.train(was_training)
    return right / len(images)


def train_baseline(
    data: DataSet,
    *,
    seed: int,
    progress: Progress | None = None,
    step_progress: StepProgress | None = None,
    device: torch.device | None = None,
    schedule: Schedule | None = None,
    checkpoint: Path | None = None,
) -> tuple[MobileNetV1, tuple[Epoch, ...]]:
    """The unpruned network, trained from scratch by the schedule of its data set; from the checkpoint on where there
    is one."""
    device = device or accelerator()
    schedule = schedule or baseline_schedule(data.name, accelerator=device.type)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = MobileNetV1(classes=CLASSES)
    if schedule.near_identity:
        initialise_near_identity(model)
    history = _Training(model, data, schedule, seed, MEAN, STD, device, checkpoint=checkpoint).run(
        progress, step_progress
    )
    return model, history


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
    weight_decay: float = 5e-4,
    label_smoothing: float = 0.0,
    distillation: float = 0.0,
    temperature: float = 4.0,
    teacher: Teacher | None = None,
    hopeless: Hopeless | None = None,
    progress: Progress | None = None,
    step_progress: StepProgress | None = None,
    device: torch.device | None = None,
    checkpoint: Path | None = None,
) -> tuple[Epoch, ...]:
    """Trains the model in place, and leaves it on the CPU and in eval mode; fewer epochs where it was hopeless."""
    if epochs == 0:
        model.eval()
        return ()
    schedule = Schedule(
        sizes=(SIDE,) * epochs,
        batch=fine_tuning_batch(len(data.train)),
        peak_rate=learning_rate,
        warm_up=0.2,
        weight_decay=weight_decay,
        label_smoothing=label_smoothing,
        distillation=distillation if teacher else 0.0,
        temperature=temperature,
    )
    training = _Training(model, data, schedule, seed, mean, std, device or accelerator(), teacher, hopeless, checkpoint)
    return training.run(progress, step_progress)


def reestimate_batchnorm(
    model: nn.Module,
    data: DataSet,
    *,
    seed: int,
    batches: int = BATCHNORM_BATCHES,
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
    place(trained, device)
    optimizer = _optimizer(trained, "sgd", 0.0, 0.0)
    images = torch.randn(batch, 3, size, size, generator=torch.Generator().manual_seed(0)).to(device)
    labels = (torch.arange(batch) % CLASSES).to(device)
    timing = Schedule(sizes=(size,), batch=batch, peak_rate=0.0, warm_up=0.0)
    durations: list[float] = []
    begun = time.perf_counter()
    while not durations or time.perf_counter() - begun < budget:
        started = time.perf_counter()
        _step(trained, optimizer, [(images, labels, None)], timing)
        durations.append(time.perf_counter() - started)
    # The first step also sets memory and kernels up.
    return statistics.median(durations[1:] or durations) / batch


def baseline_seconds(schedule: Schedule, images: int, per_image: float) -> float:
    """How long `train_baseline` takes where one training image of 32 pixels costs `per_image` seconds."""
    sizes = schedule.sizes
    relative = sum(FIXED_SHARE + (1 - FIXED_SHARE) * (size / SIDE) ** 2 for size in sizes)
    # After each epoch comes the validation set, a tenth of the images, at a third of the cost.
    return per_image * relative * images * (1 + 1 / 30)


# Images of one batch, their classes, and what the teacher says of them.
_Part = tuple[Tensor, Tensor, Tensor | None]


@dataclass
class _Training:
    """One network, one schedule. Which images a step sees is a function of seed, epoch and step: training that goes
    on from a checkpoint ends as if it had never been interrupted."""

    model: nn.Module
    data: DataSet
    schedule: Schedule
    seed: int
    mean: Sequence[float]
    std: Sequence[float]
    device: torch.device
    teacher: Teacher | None = None
    hopeless: Hopeless | None = None
    checkpoint: Path | None = None

    def run(self, progress: Progress | None, step_progress: StepProgress | None) -> tuple[Epoch, ...]:
        schedule = self.schedule
        pictures = Pictures(self.data.train, self.device, AUGMENTATIONS.get(self.data.name, PLAIN), self.mean, self.std)
        place(self.model, self.device)
        optimizer = _optimizer(self.model, schedule.optimizer, schedule.peak_rate, schedule.weight_decay)
        history = self._resumed(optimizer)
        epochs = len(schedule.sizes)
        saved = time.monotonic()
        while len(history) < epochs:
            epoch = self._epoch(len(history) + 1, pictures, optimizer, step_progress)
            history.append(epoch)
            if progress:
                progress(epoch, epochs)
            share_done = len(history) / epochs
            if self.hopeless and share_done < 1 and self.hopeless(share_done, epoch.validation_accuracy):
                break
            if self.checkpoint and len(history) < epochs and time.monotonic() - saved > _CHECKPOINT_S:
                self._save(self.checkpoint, optimizer, history)
                saved = time.monotonic()
        if self.checkpoint:
            self.checkpoint.unlink(missing_ok=True)
        self.model.to("cpu").to(memory_format=torch.contiguous_format)
        self.model.eval()
        return tuple(history)

    def _epoch(
        self, number: int, pictures: Pictures, optimizer: torch.optim.Optimizer, step_progress: StepProgress | None
    ) -> Epoch:
        schedule = self.schedule
        size, epochs = schedule.sizes[number - 1], len(schedule.sizes)
        batch = min(schedule.batch, len(pictures))
        # The last, smaller batch is left out: BatchNorm cannot do with one image.
        steps = len(pictures) // batch
        view, answers = self._shown(number, pictures)
        started = time.perf_counter()
        self.model.train()
        generator = torch.Generator().manual_seed(1_000_003 * self.seed + number)
        order = torch.randperm(len(pictures), generator=generator).to(self.device)
        total = torch.zeros((), device=self.device)
        parts = 1
        for step in range(steps):
            done = (number - 1) * steps + step + 1
            rate = schedule.peak_rate * one_cycle(done / (epochs * steps), schedule.warm_up)
            for group in optimizer.param_groups:
                group["lr"] = rate
            chosen = order[step * batch : (step + 1) * batch]
            while True:
                try:
                    shown = [_part(pictures, some, view, answers, size) for some in chosen.chunk(parts)]
                    total += _step(self.model, optimizer, shown, schedule)
                    break
                except RuntimeError as error:
                    parts = _smaller(error, parts, batch)
            if (step + 1) % _LOOK == 0 or step + 1 == steps:
                mean_loss = float(total) / (step + 1)
                if not math.isfinite(mean_loss):
                    raise CandidateError(
                        f"training diverged: loss {mean_loss} in epoch {number} of {epochs} at learning rate "
                        f"{rate:.4g} (peak {schedule.peak_rate:g}); a lower rate may help"
                    )
            if step_progress:
                step_progress(done, epochs * steps)
        reached = accuracy(self.model, self.data.validation, self.mean, self.std, size=size)
        return Epoch(number, float(total) / steps, reached, time.perf_counter() - started)

    def _shown(self, number: int, pictures: Pictures) -> tuple[View, Tensor | None]:
        """The view of this epoch, and what the teacher says of it."""
        if self.teacher is None or not self.schedule.distillation:
            return pictures.view(number - 1), None
        taught = self.teacher.view(number - 1)
        return pictures.view(taught), self.teacher.logits(pictures, taught)

    def _save(self, path: Path, optimizer: torch.optim.Optimizer, history: Sequence[Epoch]) -> None:
        content = {
            "schedule": self._title(),
            "weights": self.model.state_dict(),
            "optimizer": optimizer.state_dict(),
            "history": json.dumps([asdict(epoch) for epoch in history]),
        }
        with written_whole(path) as beside:
            torch.save(content, beside)

    def _resumed(self, optimizer: torch.optim.Optimizer) -> list[Epoch]:
        """The epochs that an interrupted training had behind it; of another schedule none."""
        if self.checkpoint is None or not self.checkpoint.is_file():
            return []
        content = torch.load(self.checkpoint, map_location=self.device, weights_only=True)
        if content["schedule"] != self._title():
            return []
        self.model.load_state_dict(content["weights"])
        optimizer.load_state_dict(content["optimizer"])
        return [Epoch(**values) for values in json.loads(content["history"])]

    def _title(self) -> str:
        return json.dumps([asdict(self.schedule), self.seed, self.data.fingerprint])


def _part(pictures: Pictures, chosen: Tensor, view: View, answers: Tensor | None, size: int) -> _Part:
    images = resized(pictures.batch(chosen, view), size)
    return images, pictures.labels[chosen], None if answers is None else answers[chosen]


def _smaller(error: RuntimeError, parts: int, batch: int) -> int:
    """Into how many parts a batch is split that did not fit; any other error is passed on."""
    # The processor's allocator has no error of its own.
    if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
        raise error
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if 2 * parts > min(MOST_PARTS, batch // 2):
        raise CandidateError(
            f"training needs more memory than there is, even for {batch // parts} images at a time"
        ) from error
    return 2 * parts


def _optimizer(model: nn.Module, name: str, rate: float, weight_decay: float) -> torch.optim.Optimizer:
    """Weight decay is for weights: it would pull biases and BatchNorm's scales, which tell channels apart, to zero."""
    parameters = list(model.parameters())
    groups = [
        {"params": [one for one in parameters if one.dim() > 1], "weight_decay": weight_decay},
        {"params": [one for one in parameters if one.dim() <= 1], "weight_decay": 0.0},
    ]
    fused = parameters[0].device.type in ("cpu", "cuda")
    if name == "adam":
        return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99), fused=fused)
    return torch.optim.SGD(groups, lr=rate, momentum=MOMENTUM, nesterov=True, fused=fused)


def _step(model: nn.Module, optimizer: torch.optim.Optimizer, parts: Sequence[_Part], schedule: Schedule) -> Tensor:
    """One update from a batch, whole or in parts; the mean loss, still on the device."""
    optimizer.zero_grad()
    total = torch.zeros((), device=parts[0][1].device)
    count = sum(len(labels) for _, labels, _ in parts)
    for images, labels, answers in parts:
        with training_precision(images.device):
            logits = model(images).float()
        loss = F.cross_entropy(logits, labels, label_smoothing=schedule.label_smoothing)
        if answers is not None:
            taught = distilled(logits, answers, schedule.temperature)
            loss = (1 - schedule.distillation) * loss + schedule.distillation * taught
        loss = loss * (len(labels) / count)
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.detach()
    optimizer.step()
    return total
