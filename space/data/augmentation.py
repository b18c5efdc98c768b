"""Training images as they live on the training device, and the views of them that a network is shown."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from space.data.images import Augmentation, DataSet, ImageShape


@dataclass(frozen=True, slots=True)
class View:
    """Where each image is cut out of its border, whether it is mirrored, and what of it is hidden."""

    down: Tensor
    right: Tensor
    mirrored: Tensor
    # Top and left edge of a square, and the length of its sides.
    hidden: tuple[Tensor, Tensor] | None = None
    hidden_side: int = 0

    def to(self, device: torch.device) -> "View":
        return View(self.down.to(device), self.right.to(device), self.mirrored.to(device))

    def tensors(self) -> list[Tensor]:
        return [self.down, self.right, self.mirrored, *(self.hidden or ())]


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


def with_cutout(view: View, images: ImageShape, side: int, generator: torch.Generator) -> View:
    """Hides a square in each image, around any of its pixels (DeVries and Taylor 2017: cutout)."""
    edges = [torch.randint(0, images.side, (len(view.down),), generator=generator) - side // 2 for _ in range(2)]
    top, left = (edge.to(view.down.device) for edge in edges)
    return replace(view, hidden=(top, left), hidden_side=side)


class Pictures:
    """The training images, raw, in a border of the mean colour, on one device; batches of them are cut out there."""

    def __init__(self, data: DataSet, device: torch.device, mean: Sequence[float], std: Sequence[float]) -> None:
        images = data.train
        self.device = device
        self.augmentation = data.augmentation
        self.labels = torch.from_numpy(images.labels).to(device)
        pixels = torch.from_numpy(images.pixels).to(device).permute(0, 2, 3, 1)
        count, height, width, channels = pixels.shape
        shift = data.augmentation.shift
        # The border is zero once normalised, but for rounding and for what another mean than the data set's makes of
        # it.
        self._border = (255 * torch.tensor(data.mean, device=device)).round().to(torch.uint8)
        bordered = (count, height + 2 * shift, width + 2 * shift, channels)
        whole = torch.empty(bordered, dtype=torch.uint8, device=device).copy_(self._border)
        whole[:, shift : shift + height, shift : shift + width] = pixels
        across = whole.stride(1)
        # Every place that an image can be cut out at; a row of it lies in memory in one piece.
        self._windows = whole.as_strided(
            (count, 2 * shift + 1, 2 * shift + 1, height, width * channels),
            (whole.stride(0), across, channels, across, 1),
        )
        # Every piece of memory as long as a row of an image, one for each pixel that it can begin at.
        self._rows = whole.as_strided((whole.numel() // channels - width + 1, width * channels), (channels, 1))
        self._bordered = bordered
        self._shape = (height, width, channels)
        self._normalise_by(mean, std)

    def __len__(self) -> int:
        return len(self.labels)

    def normalised(self, mean: Sequence[float], std: Sequence[float]) -> "Pictures":
        """The same images for a network that takes them otherwise."""
        twin = copy.copy(self)
        twin._normalise_by(mean, std)
        return twin

    def _normalise_by(self, mean: Sequence[float], std: Sequence[float]) -> None:
        # One number for each value of a row: a processor takes seven times as long for three that come round again.
        self._mean, self._spread = (
            255 * torch.tensor(values, device=self.device).repeat(self._shape[1]) for values in (mean, std)
        )

    def view(self, number: int) -> View:
        return view(len(self), number, self.augmentation).to(self.device)

    def batch(self, chosen: Tensor, view: View) -> Tensor:
        """A batch of normalised images, channels last."""
        pixels = self._cut_out(chosen, view.down[chosen], view.right[chosen])
        if self.augmentation.flip:
            # Bits that differ are turned over: torch.where takes a processor eight times as long for bytes.
            turned = view.mirrored[chosen].to(torch.uint8).neg()[:, None, None, None]
            pixels ^= (pixels ^ pixels.flip(2)) & turned
        if view.hidden is not None:
            pixels = torch.where(self._hidden(view.hidden, view.hidden_side, chosen), self._border, pixels)
        normal = pixels.flatten(2).float().sub_(self._mean).div_(self._spread)
        return normal.view(pixels.shape).permute(0, 3, 1, 2)

    def _cut_out(self, chosen: Tensor, down: Tensor, right: Tensor) -> Tensor:
        if self.device.type != "cpu":
            return self._windows[chosen, down, right].view(-1, *self._shape)
        # A processor copies whole rows in a tenth of the time that it takes for one value after the other.
        _, height, width, _ = self._bordered
        first = (chosen * height + down) * width + right
        rows = first[:, None] + width * torch.arange(self._shape[0])
        return self._rows.index_select(0, rows.flatten()).view(-1, *self._shape)

    def _hidden(self, edges: tuple[Tensor, Tensor], side: int, chosen: Tensor) -> Tensor:
        """Whether a pixel is hidden, batch x rows x columns x 1."""
        within = []
        for edge, length in zip(edges, self._shape[:2], strict=True):
            places = torch.arange(length, device=self.device) - edge[chosen][:, None]
            within.append((places >= 0) & (places < side))
        rows, columns = within
        return (rows[:, :, None] & columns[:, None, :])[..., None]


def normalise(pixels: Tensor, mean: Sequence[float] | Tensor, std: Sequence[float] | Tensor) -> Tensor:
    """Raw images, 0 to 255, as the network takes them."""
    shape = (1, -1, 1, 1)
    centre = torch.as_tensor(mean, device=pixels.device).view(shape)
    spread = torch.as_tensor(std, device=pixels.device).view(shape)
    return (pixels.float() / 255 - centre) / spread


def resized(images: Tensor, size: int) -> Tensor:
    if images.shape[-1] == size:
        return images
    return F.interpolate(images, size=(size, size), mode="bilinear", align_corners=False)
