"""Data sets: CIFAR-10, found or downloaded, and the built-in one."""

import os
import threading
import urllib.request
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from space.data.builtin import generate, kept
from space.data.images import DataSet, Images, split
from space.errors import RequestError

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
    # Of CIFAR-10 where it lies; of the built-in set where it is kept, once generated.
    folder: Path | None = None
    # Of the built-in set: which version of it; None is the present one.
    fingerprint: str | None = None


def load(source: Source) -> DataSet:
    if source.name == "builtin":
        return kept(source.folder, source.fingerprint) if source.folder else generate()
    assert source.folder is not None
    return load_cifar10(source.folder)
