"""MNIST (LeCun et al. 1998): the four published files, found on the disk or downloaded, each as published."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from space.data.collection import Collection, data_set, usual_normalisations
from space.data.downloads import LIMIT_S, check_published, why_unreachable
from space.data.idx import read_idx
from space.data.images import Augmentation, DataSet, Images, ImageShape, split
from space.data.places import folder_of
from space.data.schedule import Schedule
from space.errors import RequestError

if TYPE_CHECKING:
    from space.data.sources import Source

# Images of each part, as published.
_PARTS = {"train": 60_000, "t10k": 10_000}


class Mnist(Collection):
    name = "mnist"
    title = short_title = "MNIST"
    shape = ImageShape(1, 28)
    classes = 10
    class_names = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
    training_images = 54_004
    # Mean and deviation of all pixels of the training images, as pytorch/examples takes them.
    mean, std = (0.1307,), (0.3081,)
    normalisations = usual_normalisations(1)
    augmentation = Augmentation(shift=2, flip=False)
    # The MNIST network ends at 99.19 % on test, after 5.5 min of one core; three such epochs lead to 99.14 %.
    schedule = Schedule(sizes=(28,) * 5, batch=128, peak_rate=0.1, warm_up=0.2)
    # The folder of the published files, within that of torchvision's data set.
    files = "MNIST/raw"
    variable = "MNIST_DIR"

    def find(self, data_dir: Path | None) -> Path | None:
        return folder_of(self.files, data_dir, self.variable)

    def why_not_downloadable(self, limit_s: float = LIMIT_S) -> str | None:
        from torchvision.datasets import MNIST as PUBLISHED

        # The smallest file.
        name = min((name for name, _ in PUBLISHED.resources), key=len)
        return why_unreachable([f"{mirror}{name}" for mirror in PUBLISHED.mirrors], limit_s)

    def download(self, folder: Path) -> None:
        """Fetches the files that torchvision does, whose own way unpacks them and then takes unpacked ones for granted.
        They lie in a folder beside theirs until all are there: what was begun is not found, and goes on."""
        from torchvision.datasets import MNIST as PUBLISHED

        part = folder / f"{self.files}.part"
        try:
            part.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RequestError(
                f"{part}, where {self.title} is downloaded to, cannot be made: {error.strerror}; --data-dir names "
                "another folder"
            ) from error
        for name, md5 in PUBLISHED.resources:
            self._fetch(name, md5, PUBLISHED.mirrors, part)
        part.replace(folder / self.files)

    def _fetch(self, name: str, md5: str, mirrors: Sequence[str], folder: Path) -> None:
        """Takes a file from the first mirror that has it; one that is there already, as published, stays."""
        from torchvision.datasets.utils import download_url

        failures = []
        for mirror in mirrors:
            try:
                download_url(f"{mirror}{name}", str(folder), name, md5)
                return
            except (OSError, RuntimeError) as error:
                failures.append(f"{mirror}{name}: {error}")
        raise RequestError(
            f"{self.title} could not be downloaded to {folder}: {'; '.join(failures)}; try again, or name a folder "
            "that has it with --data-dir"
        )

    def load(self, source: "Source") -> DataSet:
        from torchvision.datasets import MNIST as PUBLISHED

        assert source.folder is not None
        raw = source.folder / self.files
        for name, md5 in PUBLISHED.resources:
            self._check_packed(raw / name)
            check_published(raw / name, md5, self.title)
        training, test = (_images(raw, part, count) for part, count in _PARTS.items())
        return data_set(MNIST, *split(training, self.classes), test)

    def _check_packed(self, path: Path) -> None:
        """Unpacked files alone are what torchvision leaves whoever tidies up."""
        unpacked = path.with_suffix("")
        if unpacked.is_file() and not path.is_file():
            raise RequestError(
                f"{path} is missing: of {unpacked.name}, which lies there unpacked, no published md5 is known; put "
                f"{path.name} beside it, or remove {path.parent} to have {self.title} downloaded again"
            )


MNIST: Collection = Mnist()


def _images(raw: Path, part: str, count: int) -> Images:
    side = MNIST.shape.side
    pixels = read_idx(raw / f"{part}-images-idx3-ubyte.gz", (count, side, side))
    path = raw / f"{part}-labels-idx1-ubyte.gz"
    labels = read_idx(path, (count,))
    if labels.max() >= MNIST.classes:
        raise RequestError(
            f"{path} has label {labels.max()}; {MNIST.title} has 0 to {MNIST.classes - 1}; put the published file in "
            "its place"
        )
    return Images(pixels[:, None], labels.astype("int64"))
