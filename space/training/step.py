"""Step: one update of the weights from one batch, in parts where the batch does not fit into memory."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from space.data.augmentation import Pictures, View, resized
from space.data.schedule import Schedule
from space.errors import CandidateError
from space.training.accelerator import training_precision
from space.training.teacher import distilled

MOMENTUM = 0.9
# A batch that does not fit into memory is taken in parts, at most so many.
MOST_PARTS = 16


# Images of one batch, their classes, and what the teacher says of them.
Part = tuple[Tensor, Tensor, Tensor | None]


@dataclass(frozen=True, slots=True)
class Shown:
    """What a network sees in one epoch: the images in one view and one size, and what the teacher says of them."""

    pictures: Pictures
    view: View
    answers: Tensor | None
    size: int

    def part(self, chosen: Tensor) -> Part:
        images = resized(self.pictures.batch(chosen, self.view), self.size)
        return images, self.pictures.labels[chosen], None if self.answers is None else self.answers[chosen]


class Stepper:
    """Updates one network batch by batch. How small the parts must be is found out once."""

    def __init__(self, model: nn.Module, schedule: Schedule) -> None:
        self._model, self._schedule = model, schedule
        self.optimizer = optimizer(model, schedule.optimizer, schedule.peak_rate, schedule.weight_decay)
        self._parts = 1

    def step(self, shown: Shown, chosen: Tensor, rate: float) -> Tensor:
        """The mean loss, still on the device."""
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        while True:
            try:
                parts = [shown.part(some) for some in chosen.chunk(self._parts)]
                return update(self._model, self.optimizer, parts, self._schedule)
            except RuntimeError as error:
                self._parts = _smaller(error, self._parts, len(chosen))


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


def optimizer(model: nn.Module, name: str, rate: float, weight_decay: float) -> torch.optim.Optimizer:
    """Weight decay is for weights: it would pull biases and BatchNorm's scales, which tell channels apart, to zero."""
    parameters = list(model.parameters())
    groups = [
        {"params": [weight for weight in parameters if weight.dim() > 1], "weight_decay": weight_decay},
        {"params": [weight for weight in parameters if weight.dim() <= 1], "weight_decay": 0.0},
    ]
    fused = parameters[0].device.type in ("cpu", "cuda")
    if name == "adam":
        return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99), fused=fused)
    return torch.optim.SGD(groups, lr=rate, momentum=MOMENTUM, nesterov=True, fused=fused)


def update(model: nn.Module, optimizer: torch.optim.Optimizer, parts: Sequence[Part], schedule: Schedule) -> Tensor:
    """One update from a batch, whole or in parts; the mean loss, still on the device."""
    optimizer.zero_grad()
    total = torch.zeros((), device=parts[0][1].device)
    count = sum(len(labels) for _, labels, _ in parts)
    for images, labels, answers in parts:
        with training_precision(images.device):
            logits = model(images).float()
        loss = F.cross_entropy(logits, labels, label_smoothing=schedule.label_smoothing)
        if answers is not None:
            taught = distilled(logits, answers)
            loss = (1 - schedule.distillation) * loss + schedule.distillation * taught
        loss = loss * (len(labels) / count)
        loss.backward()  # type: ignore[no-untyped-call]
        total += loss.detach()
    optimizer.step()
    return total
