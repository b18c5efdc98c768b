"""Files that are whole or absent: written beside, renamed last."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

# Bytes: half of what a Raspberry Pi 3 has as memory.
LARGEST_NETWORK = 2**29


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """A path to write to; it takes the place of `path` once the body has ended without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # The process's own: a process that outlived its parent may still be writing its own copy.
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield beside
        with beside.open("rb+") as file:
            os.fsync(file.fileno())
        beside.replace(path)
    except Exception as error:
        # Libraries that write say "problem writing element 372736", or nothing of the disk at all.
        if os.statvfs(path.parent).f_bavail == 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        raise
    finally:
        with suppress(FileNotFoundError):
            beside.unlink()


def check_size(path: Path) -> None:
    """ValueError where it is larger than any network that is run here, or no file that ends."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("it is no regular file")
    if status.st_size > LARGEST_NETWORK:
        raise ValueError(f"it has {status.st_size:,} bytes, more than {LARGEST_NETWORK:,}")


def sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def remove_parts(folder: Path) -> None:
    """What killed processes left behind."""
    for part in folder.rglob(".*.part"):
        with suppress(FileNotFoundError):
            part.unlink()
