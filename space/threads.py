"""How many threads torch takes."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

_VARIABLE = "OMP_NUM_THREADS"


@contextmanager
def one_thread() -> Iterator[None]:
    """One thread for many small operations: handing them out to several costs five times what it saves.

    Torch takes seconds to load, so it is not loaded to be told: who loads it meanwhile reads it in the environment.
    """
    torch = sys.modules.get("torch")
    before = torch.get_num_threads() if torch else os.environ.get(_VARIABLE)
    if torch:
        torch.set_num_threads(1)
    else:
        os.environ[_VARIABLE] = "1"
    try:
        yield
    finally:
        if torch:
            torch.set_num_threads(before)
        elif before is None:
            del os.environ[_VARIABLE]
        else:
            os.environ[_VARIABLE] = before


def usable_cores() -> int:
    """How many cores this process may run on."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def usual_threads() -> int:
    """How many torch will take, without asking it."""
    named = os.environ.get(_VARIABLE, "").partition(",")[0]
    return int(named) if named.isdigit() and int(named) else os.cpu_count() or 1


def at_most(threads: int) -> None:
    """Limits this process, which has not loaded torch yet; what the user's environment says may be less."""
    setting = os.environ.get(_VARIABLE, "")
    os.environ[_VARIABLE] = str(min(threads, int(setting)) if setting.isdigit() and int(setting) else threads)
