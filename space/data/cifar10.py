"""CIFAR-10 (Krizhevsky 2009), through torchvision: found on the disk or downloaded, every file as published."""

from pathlib import Path
from typing import TYPE_CHECKING

from space.data.collection import Collection, data_set, usual_normalisations
from space.data.downloads import LIMIT_S, check_published, why_unreachable
from space.data.images import Augmentation, DataSet, Images, ImageShape, split
from space.data.places import folder_of
from space.data.schedule import Schedule
from space.errors import RequestError

if TYPE_CHECKING:
    from space.data.sources import Source


class Cifar10(Collection):
    name = "cifar10"
    title = short_title = "CIFAR-10"
    shape = ImageShape(3, 32)
    classes = 10
    class_names = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
    training_images = 45_000
    # The normalisation of the course.
    mean, std = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
    # The first one has the deviation of all pixels: the course's is the mean of each image's.
    normalisations = (((0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)), *usual_normalisations(3))
    augmentation = Augmentation(shift=4, flip=True)
    schedule = Schedule(
        sizes=(16,) * 4 + (24,) * 4 + (32,) * 5, batch=128, peak_rate=0.2, warm_up=0.3, label_smoothing=0.05
    )
    # 40 epochs at 32 pixels, in batches of 256 without cutout or averaging, ended at 91.56 % on validation. The rate is
    # the usual 0.1 for batches of 128, as that of larger ones (Goyal et al. 2017); the square that of Jordan (2024).
    long_schedule = Schedule(
        sizes=(24,) * 40 + (32,) * 110,
        batch=512,
        peak_rate=0.4,
        warm_up=0.2,
        weight_decay=5e-4,
        label_smoothing=0.1,
        cutout=12,
        averaging=2.0,
    )
    # The folder of the published batch files.
    files = "cifar-10-batches-py"
    variable = "CIFAR10_DIR"

    def find(self, data_dir: Path | None) -> Path | None:
        return folder_of(self.files, data_dir, self.variable)

    def why_not_downloadable(self, limit_s: float = LIMIT_S) -> str | None:
        from torchvision.datasets import CIFAR10

        return why_unreachable([CIFAR10.url], limit_s)

    def download(self, folder: Path) -> None:
        from torchvision.datasets import CIFAR10

        try:
            folder.mkdir(parents=True, exist_ok=True)
            CIFAR10(str(folder), download=True)
        except (OSError, RuntimeError) as error:
            raise RequestError(f"{self.title} could not be downloaded to {folder}: {error}") from error

    def load(self, source: "Source") -> DataSet:
        assert source.folder is not None
        return load_cifar10(source.folder)


CIFAR10: Collection = Cifar10()


def load_cifar10(folder: Path) -> DataSet:
    """Every file is compared with its published md5 before it is opened: the files are pickles."""
    from torchvision.datasets import CIFAR10 as PUBLISHED

    batches = (*PUBLISHED.train_list, *PUBLISHED.test_list, (PUBLISHED.meta["filename"], PUBLISHED.meta["md5"]))
    for name, md5 in batches:
        check_published(folder / CIFAR10.files / name, md5, CIFAR10.title)
    training, test = (_images(PUBLISHED(str(folder), train=train)) for train in (True, False))
    return data_set(CIFAR10, *split(training, CIFAR10.classes), test)


def _images(published: object) -> Images:
    import numpy as np

    pixels, labels = published.data, published.targets  # type: ignore[attr-defined]
    return Images(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)), np.asarray(labels, dtype=np.int64))
