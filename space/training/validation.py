"""Validation: a network's share of right answers, to images that lie on its device."""

from collections.abc import Sequence

import torch
from torch import nn

from space.data.augmentation import normalise, resized
from space.data.images import Images
from space.training.accelerator import training_precision

VALIDATION_BATCH = 250


class Validation:
    def __init__(
        self,
        images: Images,
        mean: Sequence[float],
        std: Sequence[float],
        device: torch.device,
        batch: int = VALIDATION_BATCH,
    ) -> None:
        self._device = device
        pixels, labels = (torch.from_numpy(values).to(device) for values in (images.pixels, images.labels))
        self._batches = list(zip(pixels.split(batch), labels.split(batch), strict=True))  # type: ignore[no-untyped-call]
        self._count, self._side = len(images), images.pixels.shape[-1]
        self._mean, self._std = (torch.tensor(values, device=device) for values in (mean, std))
        self._right = torch.zeros((), dtype=torch.long, device=device)

    def accuracy(self, model: nn.Module, size: int | None = None) -> float:
        """The accuracy at the images' own size unless another is named; the mode of the model stays."""
        was_training = model.training
        model.eval()
        self._judge(model, size or self._side)
        model.train(was_training)
        return int(self._right) / self._count

    def _judge(self, model: nn.Module, size: int) -> None:
        self._count_right(model, size)

    def _count_right(self, model: nn.Module, size: int) -> None:
        """All that the device has to do, and nothing that it has to be waited for."""
        self._right.zero_()
        with torch.inference_mode(), training_precision(self._device):
            for pixels, labels in self._batches:
                answers = model(resized(normalise(pixels, self._mean, self._std), size))
                self._right += (answers.argmax(1) == labels).sum()
