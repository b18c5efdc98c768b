"""The store's lock: one writer at a time, by name; freed by the kernel when its holder is gone, however it went."""

import fcntl
import json
import os
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from space.errors import RequestError
from space.files import remove_parts


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Makes the folder where there is none."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / "lock").open("a+")
    except OSError as error:
        raise RequestError(f"--store {folder} cannot be written to: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RequestError(f"{folder} is in use by {holder(folder) or 'another process'}; wait for it, stop it, "
                               "or name another --store") from None  # fmt: skip
        file.seek(0)
        file.truncate()
        json.dump(
            {
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "since": time.strftime("%Y-%m-%d %H:%M:%S"),
                "command": " ".join(sys.argv[1:]),
            },
            file,
        )
        file.flush()
        remove_parts(folder)
        try:
            yield
        finally:
            file.seek(0)
            file.truncate()


def holder(folder: Path) -> str | None:
    """Who writes to the store now, for a person to read; needs no lock."""
    path = folder / "lock"
    try:
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                values = json.loads(path.read_text())
                return (
                    f"pid {values['pid']} on {values['host']} since {values['since']} ({values['command'] or 'search'})"
                )
    except (OSError, ValueError, KeyError):
        return None
    return None
