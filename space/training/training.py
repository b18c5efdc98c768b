"""Training on this machine: the baseline from scratch, and the fine-tuning of pruned networks."""

import json
import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import nn

from space.data.augmentation import Pictures, normalise, resized
from space.data.images import DataSet, Images
from space.data.schedule import Schedule
from space.errors import CandidateError
from space.files import written_whole
from space.networks.network import Network, unpruned
from space.networks.prunable import Prunable
from space.training.accelerator import accelerator, place
from space.training.fitting import fitting
from space.training.near_identity import initialise_near_identity
from space.training.patience import Hopeless
from space.training.schedules import fine_tuning_schedule, one_cycle
from space.training.step import Shown, Stepper
from space.training.teacher import TEMPERATURE, Teacher

# Steps between two looks at the loss: each look waits for the device.
_LOOK = 50
# More than any training has: each seed has random numbers of its own for each epoch.
_EPOCHS = 1_000_003
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
    mean: Sequence[float],
    std: Sequence[float],
    batch: int = 250,
    *,
    size: int | None = None,
) -> float:
    """Share of right answers, at the images' own size unless another is named; the mode of the model stays."""
    device = next(model.parameters()).device
    was_training = model.training
    model.eval()
    size = size or images.pixels.shape[-1]
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
    network: Network,
    schedule: Schedule,
    *,
    seed: int,
    progress: Progress | None = None,
    step_progress: StepProgress | None = None,
    device: torch.device | None = None,
    checkpoint: Path | None = None,
) -> tuple[Prunable, tuple[Epoch, ...]]:
    """The unpruned network, trained from scratch; from the checkpoint on where there is one."""
    device = device or accelerator()
    schedule = fitting(schedule, network, data.shape.side)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        recipe = unpruned(network)
        model = network.built(recipe.widths, recipe.halvings, data.shape, data.classes)
    if schedule.near_identity:
        initialise_near_identity(model)
    training = Training(model, data, schedule, seed, data.mean, data.std, device, checkpoint=checkpoint)
    return model, training.run(progress, step_progress)


def fine_tune(
    model: nn.Module,
    data: DataSet,
    *,
    epochs: int,
    learning_rate: float,
    seed: int,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    distillation: float = 0.0,
    teacher: Teacher | None = None,
    hopeless: Hopeless | None = None,
    progress: Progress | None = None,
    step_progress: StepProgress | None = None,
    device: torch.device | None = None,
    checkpoint: Path | None = None,
) -> tuple[Epoch, ...]:
    """Trains the model in place, and leaves it on the CPU and in eval mode; fewer epochs where it was hopeless.

    Normalised as the data set says, unless the network was trained otherwise.
    """
    if epochs == 0:
        model.eval()
        return ()
    schedule = fine_tuning_schedule(
        len(data.train), data.shape.side, epochs, learning_rate, distillation if teacher else 0.0
    )
    mean, std, device = mean or data.mean, std or data.std, device or accelerator()
    training = Training(model, data, schedule, seed, mean, std, device, teacher, hopeless, checkpoint)
    return training.run(progress, step_progress)


@dataclass
class Training:
    """One network, one schedule. Which images a step sees, and what is dropped of them, is a function of seed, epoch
    and step: training that goes on from a checkpoint ends as if it had never been interrupted."""

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
        pictures = Pictures(self.data, self.device, self.mean, self.std)
        place(self.model, self.device)
        stepper = Stepper(self.model, schedule)
        history = self._resumed(stepper.optimizer)
        epochs = len(schedule.sizes)
        saved = time.monotonic()
        while len(history) < epochs:
            with self._drawn(len(history) + 1):
                epoch = self._epoch(len(history) + 1, pictures, stepper, step_progress)
            history.append(epoch)
            if progress:
                progress(epoch, epochs)
            share_done = len(history) / epochs
            best = max(past.validation_accuracy for past in history)
            if self.hopeless and share_done < 1 and self.hopeless(share_done, best):
                break
            if self.checkpoint and len(history) < epochs and time.monotonic() - saved > _CHECKPOINT_S:
                self._save(self.checkpoint, stepper.optimizer, history)
                saved = time.monotonic()
        if self.checkpoint:
            self.checkpoint.unlink(missing_ok=True)
        self.model.to("cpu").to(memory_format=torch.contiguous_format)
        self.model.eval()
        return tuple(history)

    def _epoch(self, number: int, pictures: Pictures, stepper: Stepper, step_progress: StepProgress | None) -> Epoch:
        schedule = self.schedule
        size, epochs = schedule.sizes[number - 1], len(schedule.sizes)
        batch = min(schedule.batch, len(pictures))
        # The last, smaller batch is left out: BatchNorm cannot do with one image.
        steps = len(pictures) // batch
        shown = self._shown(number, pictures, size)
        started = time.perf_counter()
        self.model.train()
        generator = torch.Generator().manual_seed(_EPOCHS * self.seed + number)
        order = torch.randperm(len(pictures), generator=generator).to(self.device)
        total = torch.zeros((), device=self.device)
        for step in range(steps):
            done = (number - 1) * steps + step + 1
            rate = schedule.peak_rate * one_cycle(done / (epochs * steps), schedule.warm_up)
            chosen = order[step * batch : (step + 1) * batch]
            total += stepper.step(shown, chosen, rate)
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

    @contextmanager
    def _drawn(self, number: int) -> Iterator[None]:
        """What layers draw in this epoch (dropout) depends on seed and epoch alone, and nothing else on it."""
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(_EPOCHS * self.seed + number)
            yield

    def _shown(self, number: int, pictures: Pictures, size: int) -> Shown:
        if self.teacher is None or not self.schedule.distillation:
            return Shown(pictures, pictures.view(number - 1), None, size)
        taught = self.teacher.view(number - 1)
        return Shown(pictures, pictures.view(taught), self.teacher.logits(pictures, taught), size)

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
        schedule = {**asdict(self.schedule), "temperature": TEMPERATURE}
        return json.dumps([schedule, self.seed, self.data.fingerprint])
