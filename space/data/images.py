"""Images with their classes; a data set's three splits, fixed by rule."""

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

# The course's normalisation; what the built-in set and our own baselines use.
MEAN = (0.4914, 0.4822, 0.4465)
STD = (0.2023, 0.1994, 0.2010)
CLASSES = 10
SIDE = 32  # pixels


@dataclass(frozen=True, slots=True)
class ImageShape:
    """Of a square image: one channel or three, and pixels to each side."""

    channels: int
    side: int


@dataclass(frozen=True)
class Images:
    """Raw images and the class of each."""

    pixels: NDArray[np.uint8]  # N x channels x side x side
    labels: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, positions: NDArray[np.intp]) -> "Images":
        return Images(self.pixels[positions], self.labels[positions])


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """Three splits; the search sees `validation` only, calibration `train` only."""

    name: str
    train: Images
    validation: Images
    test: Images
    classes: int = CLASSES

    @property
    def shape(self) -> ImageShape:
        _, channels, side, _ = self.train.pixels.shape
        return ImageShape(channels, side)

    @cached_property
    def fingerprint(self) -> str:
        """Of every pixel and label of every split."""
        digest = hashlib.sha256()
        for images in (self.train, self.validation, self.test):
            digest.update(images.pixels.tobytes())
            digest.update(images.labels.tobytes())
        return digest.hexdigest()[:12]


def split(name: str, training: Images, test: Images) -> DataSet:
    """Validation is, of each class, the last tenth of the training images in file order."""
    held_out = np.zeros(len(training), dtype=bool)
    for label in range(CLASSES):
        positions = np.flatnonzero(training.labels == label)
        held_out[positions[len(positions) - len(positions) // 10 :]] = True
    return DataSet(
        name=name,
        train=training.take(np.flatnonzero(~held_out)),
        validation=training.take(np.flatnonzero(held_out)),
        test=test,
    )
