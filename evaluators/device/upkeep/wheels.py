"""Wheels: fetched here for another Python, machine and C library, where a board has no network of its own."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluators.device.on_board.last_words import last_line
from evaluators.errors import DeviceError

# The limit of a fetch: 45 MB at 100 kB/s take 450 s.
FETCH_S = 600.0
# The oldest C library that PEP 600 names wheels for here.
_OLDEST_GLIBC = 17


# What pip warns of before it says that there is no such release: nobody was there who would know.
UNREACHED = b"connection broken"


class NoWheelsError(DeviceError):
    """There are no wheels of this release for that board; of others there may be."""


@dataclass(frozen=True, slots=True)
class Target:
    python: tuple[int, int]
    machine: str
    glibc: tuple[int, int]

    @property
    def platforms(self) -> tuple[str, ...]:
        """pip takes the names it is given and derives no older ones from them."""
        names = [f"manylinux_2_{minor}_{self.machine}" for minor in range(self.glibc[1], _OLDEST_GLIBC - 1, -1)]
        return (*names, f"manylinux2014_{self.machine}", f"linux_{self.machine}")


async def fetch(requirements: Sequence[str], target: Target, folder: Path) -> list[Path]:
    """The wheels, as this Python's pip gets them, with whatever index, proxy or folder it is configured for."""
    python = ".".join(map(str, target.python))
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--retries=2", "--only-binary=:all:", "--implementation=cp", f"--python-version={python}"]
    command += [f"--platform={name}" for name in target.platforms]
    process = await asyncio.create_subprocess_exec(
        *(*command, f"--dest={folder}", *requirements),
        stdin=DEVNULL,
        stdout=DEVNULL,
        stderr=PIPE,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(FETCH_S):
            _, complaints = await process.communicate()
    except TimeoutError:
        raise DeviceError(f"fetching wheels had not ended after {FETCH_S:g} s; look at the network here") from None
    finally:
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
    if process.returncode != 0:
        what = f"{', '.join(requirements)} for Python {python} on {target.machine}"
        kind = DeviceError if UNREACHED in complaints else NoWheelsError
        raise kind(f"no wheels of {what} could be fetched here: {last_line(complaints)}")
    return sorted(folder.glob("*.whl"))
