"""Folder: where emulated boards lie between runs, $SEARCH_EMULATED or a place in the user's cache."""

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path

VARIABLE = "SEARCH_EMULATED"


class UnavailableError(Exception):
    """What an emulated board is made of cannot be had here; the message says what, and why."""


def place() -> Path:
    chosen = os.environ.get(VARIABLE)
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(chosen).absolute() if chosen else Path(cache) / "ondevice-search" / "emulated"


def key(*words: str) -> str:
    """A name for what was made of these."""
    return sha256("\n".join(words).encode()).hexdigest()[:12]


@contextmanager
def alone() -> Iterator[Path]:
    """The folder, while no other process makes anything in it."""
    folder = place()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = (folder / "lock").open("w")
    except OSError as error:
        raise UnavailableError(
            f"{folder} cannot be written to ({error.strerror}); ${VARIABLE} names another"
        ) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


@contextmanager
def made_whole(path: Path) -> Iterator[Path]:
    """An empty folder to fill, which becomes `path` once the body has ended without an error."""
    beside = path.with_name(f"{path.name}.part")
    shutil.rmtree(beside, ignore_errors=True)
    beside.mkdir(parents=True)
    yield beside
    beside.rename(path)
