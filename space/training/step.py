"""Step: one update of the weights from one batch, in parts where the batch does not fit into memory."""

import copy
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from space.data.augmentation import Pictures, View, resized
from space.data.schedule import Schedule
from space.errors import CandidateError
from space.training.accelerator import out_of_memory, training_precision
from space.training.muon import Muon, orthogonalised
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

    def tensors(self) -> list[Tensor]:
        """The tensors that are others in another epoch."""
        return [*self.view.tensors(), *([] if self.answers is None else [self.answers])]

    def copied(self) -> "Shown":
        return replace(self, view=copy.deepcopy(self.view), answers=copy.deepcopy(self.answers))


class Stepper:
    """Updates one network batch by batch. How small the parts must be is found out once."""

    def __init__(self, model: nn.Module, schedule: Schedule, rate: Tensor | None = None) -> None:
        """`rate`: a tensor that is to hold the learning rate."""
        self._model, self._schedule, self._rate = model, schedule, rate
        self.optimizer = optimizer(
            model, schedule.optimizer, schedule.peak_rate if rate is None else rate, schedule.weight_decay
        )
        # The sum of the losses of this epoch's steps, on the device.
        self.total = torch.zeros((), device=next(model.parameters()).device)
        # What a step reads and how, but for the rate.
        self._shown: Shown | None = None
        self._chosen: Tensor | None = None
        self._parts = 1
        self._new_gradients = True

    def begin(self, shown: Shown) -> None:
        """An epoch."""
        self._shown = shown
        self.total.zero_()

    def step(self, chosen: Tensor, rate: float) -> None:
        self._chosen = chosen
        self._set(rate)
        self._in_parts(self._update)

    def _set(self, rate: float) -> None:
        if self._rate is not None:
            self._rate.fill_(rate)
            return
        for group in self.optimizer.param_groups:
            group["lr"] = rate

    def _update(self) -> None:
        """All that the device has to do in a step, and nothing that it has to be waited for."""
        assert self._shown is not None
        assert self._chosen is not None
        parts = [self._shown.part(some) for some in self._chosen.chunk(self._parts)]
        self.total += update(self._model, self.optimizer, parts, self._schedule, new_gradients=self._new_gradients)

    def _in_parts(self, attempt: Callable[[], None]) -> None:
        """Makes the attempt again in smaller parts until they fit into memory."""
        assert self._chosen is not None
        while True:
            try:
                return attempt()
            except RuntimeError as error:
                self._parts = _smaller(error, self._parts, len(self._chosen))

    def go_on_from(self, state: dict[str, Any]) -> None:
        """What a checkpoint holds of the optimizer: its momenta. Rates and kernels are this schedule's and device's."""
        own = self.optimizer.state_dict()["param_groups"]
        rates = [group["lr"] for group in self.optimizer.param_groups]
        self.optimizer.load_state_dict({"state": state["state"], "param_groups": own})
        for group, rate in zip(self.optimizer.param_groups, rates, strict=True):
            group["lr"] = rate


@cache
def say_once(text: str) -> None:
    """Says it once in a process: what holds for one training holds for most."""
    logging.getLogger(__name__).warning(text)


def _smaller(error: RuntimeError, parts: int, batch: int) -> int:
    """Into how many parts a batch is split that did not fit; any other error is passed on."""
    if not out_of_memory(error):
        raise error
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if 2 * parts > min(MOST_PARTS, batch // 2):
        raise CandidateError(
            f"training needs more memory than there is, even for {batch // parts} images at a time"
        ) from error
    say_once(f"training: a batch of {batch} does not fit into memory; taken in {2 * parts} parts")
    return 2 * parts


def optimizer(model: nn.Module, name: str, rate: float | Tensor, weight_decay: float) -> torch.optim.Optimizer:
    """Weight decay is for weights: it would pull biases and BatchNorm's scales, which tell channels apart, to zero."""
    parameters = list(model.parameters())
    convolutions = [weight for weight in parameters if name == "muon" and orthogonalised(weight)]
    others = [weight for weight in parameters if not any(weight is convolution for convolution in convolutions)]
    groups = [
        {"params": [weight for weight in others if weight.dim() > 1], "weight_decay": weight_decay},
        {"params": [weight for weight in others if weight.dim() <= 1], "weight_decay": 0.0},
    ]
    device = parameters[0].device.type
    fused = device in ("cpu", "cuda")
    if name == "adam":
        capturable = device == "cuda" and isinstance(rate, Tensor)
        return torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.99), fused=fused, capturable=capturable)
    if convolutions:
        return Muon(groups, convolutions, lr=rate, momentum=MOMENTUM, weight_decay=weight_decay, fused=fused)
    return torch.optim.SGD(groups, lr=rate, momentum=MOMENTUM, nesterov=True, fused=fused)


def update(
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    parts: Sequence[Part],
    schedule: Schedule,
    *,
    new_gradients: bool = True,
) -> Tensor:
    """One update from a batch, whole or in parts; the mean loss, still on the device.

    Gradients are new tensors, else those of the last step with other values.
    """
    optimizer.zero_grad(set_to_none=new_gradients)
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
