"""Process: whether one is still there, told apart from a later one with its number."""

import os
import socket
from functools import cache
from pathlib import Path

# The fields of /proc/PID/stat behind the name in brackets begin with the state; the start is the 22nd of all (proc(5)).
_STATE, _START = 0, 19
# States of a process that has ended, and is kept only until its parent asks.
_DEAD = {"Z", "X"}


@cache
def machine() -> str:
    """Where a process id means something: this machine until it restarts, and on Linux this namespace of ids, as
    containers may share a name and have ids of their own."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{socket.gethostname()} {boot} {Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return socket.gethostname()


def has_ended(pid: int, start: str) -> bool:
    """Whether the process that began then is known to be there no more."""
    now = start_of(pid)
    if now is not None:
        return now != start
    try:
        os.kill(pid, 0)
    except PermissionError:
        # The process is somebody else's, which the system may hide.
        return False
    except ProcessLookupError:
        pass
    return True


def start_of(pid: int) -> str | None:
    """When the process began, in the system's own words; None where there is none to be seen."""
    if Path("/proc/self/stat").exists():
        try:
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return None
        return None if fields[_STATE] in _DEAD else fields[_START]
    import subprocess

    # macOS has no /proc. Its own words for a date would hang on the user's language.
    words = ["ps", "-o", "stat=,lstart=", "-p", str(pid)]
    done = subprocess.run(words, capture_output=True, text=True, env={**os.environ, "LC_ALL": "C"})
    state, _, start = done.stdout.strip().partition(" ")
    return None if not state or state[0] in _DEAD else start.strip()
