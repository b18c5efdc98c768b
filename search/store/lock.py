"""The folder's lock: one writer of its files at a time, by name; freed by the kernel when its holder is gone, however
it went. The database has leases of its own."""

import fcntl
import json
import os
import shlex
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from search.store.database import without_password
from space.errors import RequestError
from space.files import remove_parts

# What a holder writes, its command line included, is far less than this; of a long command the beginning will do.
_LOCK_BYTES = 2**17
_COMMAND_LETTERS = 600


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
            who = holder(folder) or "another process"
            raise RequestError(
                f"{folder} is in use by {who}; wait for it, stop it, or name another --store; next: python -m search "
                f"status --watch --store {shlex.quote(str(folder))}"
            ) from None
        file.seek(0)
        file.truncate()
        json.dump(
            {
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "since": time.strftime("%Y-%m-%d %H:%M:%S"),
                "command": without_password(" ".join(sys.argv[1:])),
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
    try:
        # What lies there may be a pipe, on which one would wait for ever.
        descriptor = os.open(folder / "lock", os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None
    with os.fdopen(descriptor, "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            with suppress(OSError, ValueError, KeyError, TypeError):
                values = json.loads(file.read(_LOCK_BYTES))
                command = str(values["command"])[:_COMMAND_LETTERS] or "search"
                return f"pid {values['pid']} on {values['host']} since {values['since']} ({command})"
        except OSError:
            return None
    return None
