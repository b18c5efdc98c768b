"""The images: CIFAR-10 and the built-in set; their splits, fixed by rule."""

import hashlib
import os
import threading
import urllib.request
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from space.errors import RequestError

# The course's normalisation; what the built-in set and our own baselines use.
MEAN = (0.4914, 0.4822, 0.4465)
STD = (0.2023, 0.1994, 0.2010)
CLASSES = 10


@dataclass(frozen=True)
class Images:
    """Raw images and the class of each."""

    pixels: NDArray[np.uint8]  # N x 3 x 32 x 32
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


# Below it lie the published batch files.
CIFAR10_FOLDER = "cifar-10-batches-py"
CIFAR10_TRAINING_IMAGES = 50_000


def find_cifar10(data_dir: Path | None) -> Path | None:
    """The folder that holds the batch files' folder: the one named by the user, $CIFAR10_DIR, or `data`."""
    if data_dir is not None and not data_dir.is_dir():
        raise RequestError(f"--data-dir {data_dir} is not a folder")
    named = os.environ.get("CIFAR10_DIR")
    for place in (data_dir, Path(named) if named else None, Path("data")):
        if place is None:
            continue
        if (place / CIFAR10_FOLDER).is_dir():
            return place
        if place.name == CIFAR10_FOLDER and place.is_dir():
            return place.parent
    return None


def load_cifar10(folder: Path) -> DataSet:
    """Every file is compared with its published md5 before it is opened: the files are pickles."""
    from torchvision.datasets import CIFAR10
    from torchvision.datasets.utils import check_integrity

    for name, md5 in (*CIFAR10.train_list, *CIFAR10.test_list, (CIFAR10.meta["filename"], CIFAR10.meta["md5"])):
        path = folder / CIFAR10_FOLDER / name
        if not path.is_file():
            raise RequestError(f"{path} is missing; remove {path.parent} to have CIFAR-10 downloaded again")
        if not check_integrity(str(path), md5):
            raise RequestError(
                f"{path} ({path.stat().st_size:,} bytes) is damaged: its md5 is not {md5}; "
                f"remove {path.parent} to have CIFAR-10 downloaded again"
            )
    training, test = (_images(CIFAR10(str(folder), train=train)) for train in (True, False))
    return split("cifar10", training, test)


def _images(published: object) -> Images:
    pixels, labels = published.data, published.targets  # type: ignore[attr-defined]
    return Images(np.ascontiguousarray(pixels.transpose(0, 3, 1, 2)), np.asarray(labels, dtype=np.int64))


def why_not_downloadable(limit_s: float = 5.0) -> str | None:
    """None where the first byte of CIFAR-10 arrives within the limit; name servers that never answer included."""
    from torchvision.datasets import CIFAR10

    outcome: list[str | None] = []

    def fetch() -> None:
        try:
            with urllib.request.urlopen(CIFAR10.url, timeout=limit_s) as answer:
                answer.read(1)
            outcome.append(None)
        except (OSError, ValueError) as error:
            outcome.append(str(getattr(error, "reason", error)))

    asker = threading.Thread(target=fetch, daemon=True)
    asker.start()
    asker.join(limit_s)
    return outcome[0] if outcome else f"no answer within {limit_s:.0f} s"


def download_cifar10(folder: Path) -> None:
    from torchvision.datasets import CIFAR10

    try:
        folder.mkdir(parents=True, exist_ok=True)
        CIFAR10(str(folder), download=True)
    except (OSError, RuntimeError) as error:
        raise RequestError(f"CIFAR-10 could not be downloaded to {folder}: {error}") from error


@dataclass(frozen=True, slots=True)
class Source:
    """Where a data set comes from, so that another process can load the same."""

    name: str
    folder: Path | None = None


def load(source: Source) -> DataSet:
    if source.name == "builtin":
        from space.builtin_images import generate

        return generate()
    assert source.folder is not None
    return load_cifar10(source.folder)
