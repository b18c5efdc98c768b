"""Artifacts: files of a workshop's folder as they travel between machines: by name and content, never by path."""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from search.building.order import Order
from space.data.images import DataSet
from space.files import sha256, written_whole
from space.pruning.criteria import SLIMMING
from space.recipe import Recipe
from space.workshop import Workshop

# The rooms of a workshop's folder that files travel into; their names are made of ids.
_NAME = re.compile(r"(?:baselines|trained|teacher|candidates|images)/[A-Za-z0-9][A-Za-z0-9._-]{0,150}")


class DamagedError(Exception):
    """What arrived is not what was sent; nothing of it was stored."""


@dataclass(frozen=True, slots=True)
class Digest:
    """A file by its place in the folder and its content."""

    name: str
    sha256: str

    @classmethod
    def of(cls, folder: Path, path: Path) -> "Digest":
        return cls(path.relative_to(folder).as_posix(), _known_sha256(path))

    def lies_in(self, folder: Path) -> bool:
        path = folder / self.name
        return path.is_file() and _known_sha256(path) == self.sha256


@dataclass(frozen=True, slots=True)
class Artifact:
    digest: Digest
    content: bytes

    @classmethod
    def of(cls, folder: Path, path: Path) -> "Artifact":
        return cls.made(path.relative_to(folder).as_posix(), path.read_bytes())

    @classmethod
    def made(cls, name: str, content: bytes) -> "Artifact":
        return cls(Digest(name, hashlib.sha256(content).hexdigest()), content)

    def check(self) -> None:
        if not _NAME.fullmatch(self.digest.name):
            raise DamagedError(f"{self.digest.name!r} is no file of a workshop")
        if hashlib.sha256(self.content).hexdigest() != self.digest.sha256:
            raise DamagedError(f"{self.digest.name} was changed on its way: its sha256 is another")

    def put(self, folder: Path) -> Path:
        """Written whole; DamagedError, and nothing written, where it is not what was sent."""
        self.check()
        target = folder / self.digest.name
        with written_whole(target) as path:
            path.write_bytes(self.content)
        return target


def inputs(order: Order, folder: Path, images: DataSet) -> list[Digest]:
    """What the order needs beside its images, the baseline's weights, and what spares work where it lies in this
    folder: weights that were trained already, the teacher's answers."""
    workshop = Workshop(folder, order.baseline, images)
    baseline = workshop.baselines / f"{order.baseline.id}.pt"
    return [Digest.of(folder, path) for path in (baseline, *_helpful(order, workshop)) if path.is_file()]


def _helpful(order: Order, workshop: Workshop) -> Iterator[Path]:
    yield from map(workshop.trained, trainings(order.recipe))
    if order.recipe.criterion == SLIMMING:
        yield workshop.slimmed
    if order.recipe.distillation:
        pattern = f"{order.baseline.id}-{order.images.fingerprint}-*.npy"
        yield from sorted((workshop.folder / "teacher").glob(pattern))


def trainings(recipe: Recipe) -> list[Recipe]:
    """The trainings that a recipe's weights come from, one after the other; each is kept, and serves others."""
    return [replace(recipe, aware_epochs=0), recipe] if recipe.aware_epochs else [recipe]


def _known_sha256(path: Path) -> str:
    """Read again only where the file has changed."""
    status = path.stat()
    return _sha256_at(path, status.st_ino, status.st_mtime_ns, status.st_size)


@lru_cache(maxsize=4096)
def _sha256_at(path: Path, inode: int, modified_ns: int, size: int) -> str:
    return sha256(path)
