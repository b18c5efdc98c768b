"""What spoiled a run, if anything: the board throttled, or its cores were wanted elsewhere."""

import re
from collections.abc import Sequence
from functools import reduce
from operator import or_

from evaluators.device.device import BoardState, CourseRun, LoadRun, ProcessRun

# Raspberry Pi's bits "now"; sixteen higher, the same "has occurred".
THROTTLED_BITS = {0: "under-voltage", 1: "clock capped", 2: "throttled", 3: "soft temperature limit"}
OCCURRED_SHIFT = 16
# Interrupts, the kernel and the process that reads our answers stay below this; a busy neighbour does not.
TOLERATED_CORES = 0.25
# A share of the window: a shared machine always loses a little to its hypervisor.
TOLERATED_STOLEN = 0.10
# A 3B+ at its soft limit falls from 1.4 to 1.2 GHz, 14 %; turbo clocks wander by less.
TOLERATED_CLOCK_FALL = 0.10


def dirt(run: ProcessRun | LoadRun | CourseRun, *, cores: int, threads: int) -> list[str]:
    """One line per reason; none: the run is clean, as far as the board says."""
    later = (run.after,) if run.during is None else (run.after, run.during)
    return [
        *_throttling(run.before, later),
        *_clock(run.before, later),
        *_neighbours(run.after, cores=cores, threads=threads),
    ]


def _throttling(before: BoardState, later: Sequence[BoardState]) -> list[str]:
    known = before.throttled or 0
    seen = reduce(or_, (state.throttled or 0 for state in later))
    hottest = max((state.temperature_c for state in later if state.temperature_c is not None), default=None)
    heat = "" if hottest is None else f" at {hottest:.0f} °C"
    reasons = []
    for bit, name in THROTTLED_BITS.items():
        if (known | seen) >> bit & 1:
            reasons.append(f"{name}{heat}")
        elif seen & ~known & 1 << bit + OCCURRED_SHIFT:
            reasons.append(f"{name} in between{heat}")
    return reasons


def _clock(before: BoardState, later: Sequence[BoardState]) -> list[str]:
    lowest = min((state.clock_hz for state in later if state.clock_hz is not None), default=None)
    if not before.clock_hz or lowest is None or lowest >= (1 - TOLERATED_CLOCK_FALL) * before.clock_hz:
        return []
    return [f"clock fell from {before.clock_hz / 1e6:.0f} to {lowest / 1e6:.0f} MHz"]


def _neighbours(after: BoardState, *, cores: int, threads: int) -> list[str]:
    reasons = []
    if after.others_cores is not None and after.others_cores > max(cores - threads, 0) + TOLERATED_CORES:
        who = "" if after.neighbour is None else f" ({after.neighbour})"
        reasons.append(f"others used {after.others_cores:.1f} of {cores} cores{who}, the model asks for {threads}")
    if after.stolen_cores is not None and after.stolen_cores > TOLERATED_STOLEN * threads:
        reasons.append(f"the hypervisor gave {after.stolen_cores:.2f} cores to other machines")
    return reasons


# A process may be called anything; what stands before and behind its name is ours.
_NAMED = re.compile(r"(others used [0-9.]+ of [0-9]+ cores) \(.*\)(, the model asks for [0-9]+)", re.DOTALL)


def without_names(reason: str) -> str:
    """A reason of `dirt` for others to read: the process that was at work and its user are left out."""
    return _NAMED.sub(r"\1\2", reason)
