"""The built-in image set: generated, so that everything runs where the usual data are missing."""

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from space.data.collection import Collection, usual_normalisations
from space.data.images import Augmentation, DataSet, ImageShape
from space.data.schedule import Schedule

if TYPE_CHECKING:
    from space.data.sources import Source


class BuiltIn(Collection):
    name = "builtin"
    title, short_title = "the built-in image set", "built-in image set"
    caveat = "not CIFAR-10"
    shape = ImageShape(3, 32)
    classes = 10
    training_images = 2_000
    # The course's, so that a network of either set takes its images alike.
    mean, std = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
    normalisations = usual_normalisations(3)
    augmentation = Augmentation(shift=3, flip=False)  # a mirror turns rising stripes into falling ones
    # A few hundred steps from scratch: Adam, and blocks that begin near the identity, make them enough.
    schedule = Schedule(
        sizes=(24,) * 17 + (32,) * 6,
        batch=24,
        peak_rate=0.003,
        warm_up=0.2,
        optimizer="adam",
        weight_decay=0.05,
        label_smoothing=0.1,
        near_identity=True,
    )
    generated = True

    def find(self, data_dir: Path | None) -> Path | None:
        return None

    def why_not_downloadable(self) -> str | None:
        return "it is generated"

    def download(self, folder: Path) -> None:
        return None

    def load(self, source: "Source") -> DataSet:
        from space.data.drawn_images import kept

        shape = source.shape or self.shape
        return kept(source.folder, source.fingerprint, shape) if source.folder else _drawn(shape)


@cache
def _drawn(shape: ImageShape) -> DataSet:
    """The images of a process that keeps them nowhere, drawn once: that takes half a second."""
    from space.data.drawn_images import generate

    return generate(shape=shape)


BUILTIN: Collection = BuiltIn()
