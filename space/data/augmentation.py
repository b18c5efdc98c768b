"""Training images as they live on the training device, and the views of them that a network is shown."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from space.data.images import Augmentation, DataSet


@dataclass(frozen=True, slots=True)
class View:
    """Where each image is cut out of its border, and whether it is mirrored."""

    down: Tensor
    right: Tensor
    mirrored: Tensor

    def to(self, device: torch.device) -> "View":
        return View(self.down.to(device), self.right.to(device), self.mirrored.to(device))


def view(images: int, number: int, augmentation: Augmentation) -> View:
    """View `number` of as many images: always the same one, so that what a teacher says of it can be kept.

    Drawn on the processor, so that every device sees the same. An image is mirrored in every second view
    (Jordan 2024, airbench): chance would show some images the same way round for many epochs.
    """
    generator = torch.Generator().manual_seed(number)
    most = 2 * augmentation.shift + 1
    down, right = (torch.randint(0, most, (images,), generator=generator) for _ in range(2))
    turn = torch.randint(0, 2, (images,), generator=torch.Generator().manual_seed(0)) + number
    mirrored = turn % 2 == 1 if augmentation.flip else torch.zeros(images, dtype=torch.bool)
    return View(down, right, mirrored)


class Pictures:
    """The training images, raw, in a border of the mean colour, on one device; batches of them are cut out there."""

    def __init__(self, data: DataSet, device: torch.device, mean: Sequence[float], std: Sequence[float]) -> None:
        images = data.train
        self.device = device
        self.augmentation = data.augmentation
        self.labels = torch.from_numpy(images.labels).to(device)
        self._mean = 255 * torch.tensor(mean, device=device)
        self._spread = 255 * torch.tensor(std, device=device)
        pixels = torch.from_numpy(images.pixels).to(device).permute(0, 2, 3, 1)
        count, height, width, channels = pixels.shape
        shift = data.augmentation.shift
        # Zero once normalised, but for rounding and for what another mean than the data set's makes of it.
        whole = torch.empty(
            (count, height + 2 * shift, width + 2 * shift, channels), dtype=torch.uint8, device=device
        ).copy_((255 * torch.tensor(data.mean, device=device)).round())
        whole[:, shift : shift + height, shift : shift + width] = pixels
        across = whole.stride(1)
        # Every place that an image can be cut out at; a row of it lies in memory in one piece.
        self._windows = whole.as_strided(
            (count, 2 * shift + 1, 2 * shift + 1, height, width * channels),
            (whole.stride(0), across, channels, across, 1),
        )
        self._shape = (height, width, channels)

    def __len__(self) -> int:
        return len(self.labels)

    def normalised(self, mean: Sequence[float], std: Sequence[float]) -> "Pictures":
        """The same images for a network that takes them otherwise."""
        other = copy.copy(self)
        other._mean = 255 * torch.tensor(mean, device=self.device)
        other._spread = 255 * torch.tensor(std, device=self.device)
        return other

    def view(self, number: int) -> View:
        return view(len(self), number, self.augmentation).to(self.device)

    def batch(self, chosen: Tensor, view: View) -> Tensor:
        """Normalised, channels last."""
        pixels = self._windows[chosen, view.down[chosen], view.right[chosen]].view(-1, *self._shape)
        if self.augmentation.flip:
            pixels = torch.where(view.mirrored[chosen][:, None, None, None], pixels.flip(2), pixels)
        return pixels.float().sub_(self._mean).div_(self._spread).permute(0, 3, 1, 2)


def normalise(pixels: Tensor, mean: Sequence[float], std: Sequence[float]) -> Tensor:
    """Raw images, 0 to 255, as the network takes them."""
    shape = (1, -1, 1, 1)
    centre = torch.tensor(mean, device=pixels.device).view(shape)
    spread = torch.tensor(std, device=pixels.device).view(shape)
    return (pixels.float() / 255 - centre) / spread


def resized(images: Tensor, size: int) -> Tensor:
    if images.shape[-1] == size:
        return images
    return F.interpolate(images, size=(size, size), mode="bilinear", align_corners=False)
