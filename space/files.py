"""Files that are whole or absent: written beside, renamed last."""

import errno
import fcntl
import hashlib
import os
import stat
import zlib
from collections.abc import Callable, Iterator
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


def _quiet() -> None:
    return None


@contextmanager
def one_at_a_time(path: Path, waiting: Callable[[], None] = _quiet) -> Iterator[None]:
    """One turn for each process that may make this file: the others wait, and find it; `waiting` is called before. A
    maker that was killed holds nobody up, as the kernel lets go of what it held."""
    path.parent.mkdir(parents=True, exist_ok=True)
    turn = path.with_name(f".{path.name}.turn.part")
    while True:
        with turn.open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                waiting()
                fcntl.flock(file, fcntl.LOCK_EX)
            # Whoever was here before has removed what was waited for.
            if not _is_at(file.fileno(), turn):
                continue
            try:
                yield
            finally:
                turn.unlink(missing_ok=True)
            return


def _is_at(descriptor: int, path: Path) -> bool:
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), path.stat())
    return False


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


def packed_bytes(path: Path) -> int:
    """How large it is in an archive: DEFLATE (RFC 1951) at its highest level, as zip and gzip have it."""
    return len(zlib.compress(path.read_bytes(), 9))


def remove_parts(folder: Path) -> None:
    """What killed processes left behind."""
    for part in folder.rglob(".*.part"):
        with suppress(FileNotFoundError):
            part.unlink()
