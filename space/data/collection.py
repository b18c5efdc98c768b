"""Collection: a data set that can be chosen: what it is, where it is found, and how it is loaded."""

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from space.data.images import PLAIN, Augmentation, DataSet, Images, ImageShape
from space.data.schedule import Schedule

if TYPE_CHECKING:
    from space.data.sources import Source

# What is subtracted from each channel of pixels from 0 to 1, and what it is then divided by.
Normalisation = tuple[tuple[float, ...], tuple[float, ...]]


class Collection(Protocol):
    """One object for each data set. Importing it and reading what it is loads neither torch nor what reads its files;
    downloading and loading may. Who inherits from this has its defaults."""

    # What --data takes; stands in the names of studies.
    name: str
    # What a person calls it, in a sentence and in a list.
    title: str
    short_title: str
    # What nobody may overlook who reads a figure on it, as "not CIFAR-10"; empty where results on it are published.
    caveat: str = ""

    # The shape of its images; a generated set is drawn in it unless another is asked for.
    shape: ImageShape
    classes: int
    # The names of the classes in the order of the labels; empty where classes have numbers alone.
    class_names: tuple[str, ...] = ()
    # How many images training has, without those of validation: known before they are there.
    training_images: int

    # The normalisation of networks trained here.
    mean: tuple[float, ...]
    std: tuple[float, ...]
    # Other normalisations that code which trains on it uses: whoever imports a network without saying which is asked by
    # trying.
    normalisations: tuple[Normalisation, ...] = ()
    augmentation: Augmentation = PLAIN
    # The schedule of a baseline, for images of `shape`.
    schedule: Schedule
    # A longer one, which a GPU takes minutes for and a processor hours; None: the same.
    long_schedule: Schedule | None = None

    # It needs no file: it is drawn, in any shape, and a copy is kept in the store's folder, by its fingerprint.
    generated: bool = False
    # What is looked for of a set that lies on the disk, a folder or a file, and the environment variable that names the
    # folder which holds it.
    files: str = ""
    variable: str = ""

    def find(self, data_dir: Path | None) -> Path | None:
        """The folder that holds its files: the one named by the user, by its variable, or `data`. None where there is
        none; RequestError where `data_dir` is no folder."""
        ...

    def why_not_downloadable(self) -> str | None:
        """The reason, found out within seconds; None where it can be downloaded."""
        ...

    def download(self, folder: Path) -> None:
        """RequestError says what failed."""
        ...

    def load(self, source: "Source") -> DataSet:
        """RequestError names the file at fault."""
        ...


def usual_normalisations(channels: int) -> tuple[Normalisation, ...]:
    """The normalisations met in published training code, whatever it trains on: -1 to 1, ImageNet's, 0 to 1."""
    imagenet: Normalisation = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
    halves: Normalisation = ((0.5,) * channels, (0.5,) * channels)
    nothing: Normalisation = ((0.0,) * channels, (1.0,) * channels)
    return (halves, imagenet, nothing) if channels == 3 else (halves, nothing)


def data_set(collection: Collection, train: Images, validation: Images, test: Images) -> DataSet:
    """The loaded images, with what the collection says of them."""
    return DataSet(
        name=collection.name,
        train=train,
        validation=validation,
        test=test,
        classes=collection.classes,
        mean=collection.mean,
        std=collection.std,
        augmentation=collection.augmentation,
    )
