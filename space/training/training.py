"""Training on this machine: the baseline from scratch, and the fine-tuning of pruned networks."""

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from space.data.augmentation import Pictures, with_cutout
from space.data.images import DataSet, Images
from space.data.schedule import Schedule
from space.errors import CandidateError
from space.networks.network import Network, unpruned
from space.networks.prunable import Prunable
from space.threads import one_thread
from space.training.accelerator import FEW_VALUES, accelerator, faults_named, place, values_of
from space.training.averaging import Average
from space.training.captured import stepper_and_validation
from space.training.epoch import Epoch
from space.training.fitting import fitting
from space.training.interruption import Interruption, title
from space.training.near_identity import initialise_near_identity
from space.training.patience import Hopeless
from space.training.schedules import fine_tuning_schedule, one_cycle, plain_schedule
from space.training.step import Shown, Stepper
from space.training.teacher import Teacher
from space.training.validation import Validation

# Steps between two looks at the loss: each look waits for the device.
_LOOK = 50
# More than any training has: each seed has random numbers of its own for each epoch.
_EPOCHS = 1_000_003
# A checkpoint is not written more often than this.
_CHECKPOINT_S = 10.0


# It is called after every epoch: the epoch, and how many in all.
Progress = Callable[[Epoch, int], None]
# It is called after every step: how many are done, and how many in all.
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
    return Validation(images, mean, std, next(model.parameters()).device, batch).accuracy(model, size)


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
    model = untrained(network, data, schedule, seed)
    training = Training(model, data, schedule, seed, data.mean, data.std, device, checkpoint=checkpoint)
    return model, training.run(progress, step_progress)


def untrained(network: Network, data: DataSet, schedule: Schedule, seed: int) -> Prunable:
    """What the training of a baseline begins from."""
    schedule = fitting(schedule, network, data.shape.side)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        recipe = unpruned(network)
        model = network.built(recipe.widths, recipe.halvings, data.shape, data.classes)
    if schedule.near_identity:
        initialise_near_identity(model)
    return model


def fine_tune(
    model: nn.Module,
    data: DataSet,
    *,
    epochs: int,
    learning_rate: float,
    seed: int,
    mean: Sequence[float] | None = None,
    std: Sequence[float] | None = None,
    plain: bool = False,
    distillation: float = 0.0,
    teacher: Teacher | None = None,
    hopeless: Hopeless | None = None,
    progress: Progress | None = None,
    step_progress: StepProgress | None = None,
    device: torch.device | None = None,
    checkpoint: Path | None = None,
) -> tuple[Epoch, ...]:
    """Trains the model in place, and leaves it on the CPU and in eval mode; fewer epochs where it was hopeless.

    Normalised as the data set says, unless the network was trained otherwise. `plain`: see plain_schedule.
    """
    if epochs == 0:
        model.eval()
        return ()
    mean, std, device = mean or data.mean, std or data.std, device or accelerator()
    chosen = plain_schedule if plain else fine_tuning_schedule
    schedule = chosen(len(data.train), data.shape.side, epochs, learning_rate, distillation if teacher else 0.0)
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
        with faults_named(self.device):
            place(self.model, self.device)
            course = self._course()
            history = self._trained(course, progress, step_progress)
            if course.average:
                course.average.put_back()
            self.model.to("cpu").to(memory_format=torch.contiguous_format)
            self.model.eval()
            return tuple(history)

    def _course(self) -> "_Course":
        shifted = replace(self.data, augmentation=self.data.augmentation.shifted(self.schedule.shift))
        pictures = Pictures(shifted, self.device, self.mean, self.std)
        schedule, batch = self.schedule, min(self.schedule.batch, len(pictures))
        # The last, smaller batch is left out: BatchNorm cannot do with one image.
        steps = len(pictures) // batch
        stepper, validation = stepper_and_validation(self.model, schedule, self.data.validation, self.mean, self.std)
        average = Average(self.model, schedule.averaging * steps) if schedule.averaging else None
        few = self.device.type == "cpu" and values_of(self.model, self.data.shape) <= FEW_VALUES
        return _Course(pictures, batch, steps, stepper, validation, average, few)

    def _trained(self, course: "_Course", progress: Progress | None, step_progress: StepProgress | None) -> list[Epoch]:
        epochs = len(self.schedule.sizes)
        name = title(self.schedule, self.seed, self.data.fingerprint) if self.checkpoint else ""
        interruption = Interruption(self.checkpoint, name) if self.checkpoint else None
        parts = (self.model, course.stepper, course.average)
        history = interruption.resumed(*parts, self.device) if interruption else []
        saved = time.monotonic()
        while len(history) < epochs:
            with self._drawn(len(history) + 1):
                epoch = self._epoch(len(history) + 1, course, step_progress)
            history.append(epoch)
            if progress:
                progress(epoch, epochs)
            share_done = len(history) / epochs
            best = max(past.validation_accuracy for past in history)
            if self.hopeless and share_done < 1 and self.hopeless(share_done, best):
                break
            if interruption and len(history) < epochs and time.monotonic() - saved > _CHECKPOINT_S:
                interruption.keep(*parts, history)
                saved = time.monotonic()
        if interruption:
            interruption.over()
        return history

    def _epoch(self, number: int, course: "_Course", step_progress: StepProgress | None) -> Epoch:
        stepper, steps, size = course.stepper, course.steps, self.schedule.sizes[number - 1]
        generator = torch.Generator().manual_seed(_EPOCHS * self.seed + number)
        order = torch.randperm(len(course.pictures), generator=generator).to(self.device)
        shown = self._shown(number, course.pictures, size, generator)
        started = time.perf_counter()
        stepper.begin(shown)
        with one_thread() if course.few_values else nullcontext():
            self._steps(number, order, course, step_progress)
            reached = course.validation.accuracy(course.average.model if course.average else self.model, size)
        return Epoch(number, float(stepper.total) / steps, reached, time.perf_counter() - started)

    def _steps(self, number: int, order: Tensor, course: "_Course", step_progress: StepProgress | None) -> None:
        schedule, stepper, steps, epochs = self.schedule, course.stepper, course.steps, len(self.schedule.sizes)
        self.model.train()
        for step in range(steps):
            done = (number - 1) * steps + step + 1
            rate = schedule.peak_rate * one_cycle(done / (epochs * steps), schedule.warm_up)
            stepper.step(order[step * course.batch : (step + 1) * course.batch], rate)
            if course.average:
                course.average.look(done, last=done == epochs * steps)
            if (step + 1) % _LOOK == 0 or step + 1 == steps:
                mean_loss = float(stepper.total) / (step + 1)
                if not math.isfinite(mean_loss):
                    raise CandidateError(
                        f"training diverged: loss {mean_loss} in epoch {number} of {epochs} at learning rate "
                        f"{rate:.4g} (peak {schedule.peak_rate:g}); a lower rate may help"
                    )
            if step_progress:
                step_progress(done, epochs * steps)

    @contextmanager
    def _drawn(self, number: int) -> Iterator[None]:
        """What layers draw in this epoch (dropout) depends on seed and epoch alone, and nothing else on it."""
        with torch.random.fork_rng(devices=[self.device] if self.device.type == "cuda" else []):
            torch.manual_seed(_EPOCHS * self.seed + number)
            yield

    def _shown(self, number: int, pictures: Pictures, size: int, generator: torch.Generator) -> Shown:
        answers = None
        taught = number - 1
        if self.teacher is not None and self.schedule.distillation:
            taught = self.teacher.view(number - 1)
            answers = self.teacher.logits(pictures, taught)
        view = pictures.view(taught)
        if self.schedule.cutout:
            view = with_cutout(view, self.data.shape, self.schedule.cutout, generator)
        return Shown(pictures, view, answers, size)


@dataclass(frozen=True, slots=True)
class _Course:
    """What a training works with."""

    pictures: Pictures
    batch: int
    steps: int  # of an epoch
    stepper: Stepper
    validation: Validation
    average: Average | None
    # Whether one thread takes its steps as fast as several do, or faster.
    few_values: bool
