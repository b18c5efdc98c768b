"""Images with their classes; a data set's three splits, fixed by rule."""

import hashlib
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # A data set is chosen and described without the library that its images are kept in.
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class ImageShape:
    """The shape of a square image: one channel or three, and pixels to each side."""

    channels: int
    side: int

    def __str__(self) -> str:
        return f"{self.channels} x {self.side} x {self.side}"


@dataclass(frozen=True, slots=True)
class Augmentation:
    """What may be done to an image without changing its class."""

    shift: int  # pixels, each way
    flip: bool

    def shifted(self, share: float) -> "Augmentation":
        """The same with so much of the shift."""
        return replace(self, shift=round(share * self.shift))


# The augmentation of a data set that names none: no image of any kind loses its class by it.
PLAIN = Augmentation(shift=2, flip=False)


@dataclass(frozen=True)
class Images:
    """Raw images and the class of each."""

    pixels: "NDArray[np.uint8]"  # N x channels x side x side
    labels: "NDArray[np.int64]"

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def shape(self) -> ImageShape:
        _, channels, side, _ = self.pixels.shape
        return ImageShape(channels, side)

    def take(self, positions: "NDArray[np.intp]") -> "Images":
        return Images(self.pixels[positions], self.labels[positions])


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """Three splits; the search sees `validation` only, calibration `train` only."""

    name: str
    train: Images
    validation: Images
    test: Images
    classes: int
    # The normalisation of a network that is trained from scratch: a number for each channel, of pixels from 0 to 1.
    mean: tuple[float, ...]
    std: tuple[float, ...]
    augmentation: Augmentation = PLAIN

    @property
    def shape(self) -> ImageShape:
        return self.train.shape

    @cached_property
    def fingerprint(self) -> str:
        """The digest of every pixel and label of every split."""
        digest = hashlib.sha256()
        for images in (self.train, self.validation, self.test):
            digest.update(images.pixels.tobytes())
            digest.update(images.labels.tobytes())
        return digest.hexdigest()[:12]


def split(training: Images, classes: int) -> tuple[Images, Images]:
    """Training and validation images: the latter are, of each class, the last tenth in file order."""
    import numpy as np

    held_out = np.zeros(len(training), dtype=bool)
    for label in range(classes):
        positions = np.flatnonzero(training.labels == label)
        held_out[positions[len(positions) - len(positions) // 10 :]] = True
    return training.take(np.flatnonzero(~held_out)), training.take(np.flatnonzero(held_out))
