"""Which processes a process has started, as /proc tells."""

import os
import time
from pathlib import Path

from evaluators.device.on_board.application import program_file
from tests.evaluators.device.short import program

# What ends at once is waited for so long: a busy machine is late. Shorter than what a test leaves to be ended lives.
GONE_S = 30.0


def children_of(pid: int) -> list[int]:
    pids = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, parent = stat.read_text().rpartition(")")[2].split()[:2]
        except (OSError, ValueError):
            continue
        if int(parent) == pid and state != "Z":
            pids.append(int(stat.parent.name))
    return pids


def measuring() -> list[int]:
    """The children of ours, which may be an ssh server too, that run the on-device program."""
    pids = []
    for pid in children_of(os.getpid()):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if any(str(file).encode() in words for file in (program_file(), program())):
            pids.append(pid)
    return pids


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def ends_within(pid: int, limit_s: float) -> bool:
    end = time.monotonic() + limit_s
    while is_running(pid):
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True
