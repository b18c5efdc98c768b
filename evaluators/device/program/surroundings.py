"""Surroundings: the board right before, during and right after something is measured, and what others used of it."""

import resource
import time
from contextlib import contextmanager
from typing import Any, Dict, Iterator, List, Optional, Tuple

from evaluators.device.program.answers import Tell
from evaluators.device.program.board import board_state, worse
from evaluators.device.program.macos import is_macos
from evaluators.device.program.neighbours import busiest_neighbour, cpu_ticks, processes
from evaluators.device.program.throttling import known_throttling

# Ticks that hold less than this share of our own CPU time are no record of what the processors did.
CREDIBLE_TICKS = 0.5
# Between two words to the host, and between two looks at the board while it is timed: rarely enough to cost nothing.
PROGRESS_NS = 1000000000


class Watch:
    """Between blocks, and rarely: looks at the board and tells how far it is."""

    def __init__(self, tell: Tell, every_ns: int = PROGRESS_NS) -> None:
        self.tell = tell
        self.every_ns = every_ns
        self.worst: Optional[Dict[str, Any]] = None
        self.due_ns = 0

    def look(self, share: float) -> None:
        now = time.perf_counter_ns()
        if now < self.due_ns:
            return
        self.due_ns = now + self.every_ns
        state = board_state(may_start_a_process=False)
        if self.worst is not None:
            self.tell("timing", min(share, 1.0))
        self.worst = worse(state, self.worst or state)


def note_others(
    before: Dict[str, Any],
    after: Dict[str, Any],
    ticks: Optional[Tuple[float, float]],
    ticks_after: Optional[Tuple[float, float]],
    cpu: float,
    wall: float,
) -> None:
    """Into the states of the board: the cores that others had while we used `cpu` seconds of `wall`."""
    before["others_cores"], after["others_cores"] = 0.0, None
    before["stolen_cores"], after["stolen_cores"] = 0.0, None
    if ticks is None or ticks_after is None or wall <= 0:
        return
    busy = ticks_after[0] - ticks[0]
    if is_macos() and busy < CREDIBLE_TICKS * cpu:
        return
    after["others_cores"] = max(busy - cpu, 0.0) / wall
    after["stolen_cores"] = max(ticks_after[1] - ticks[1], 0.0) / wall


def unseen(before: Dict[str, Any], after: Dict[str, Any]) -> List[str]:
    """What may have disturbed the run without anybody noticing: the result says so."""
    warnings = []
    if after["others_cores"] is None:
        warnings.append("whether other programs disturbed it is unknown: this system does not tell what they use")
    if is_macos() and before["clock_hz"] is None and before["throttled"] is None:
        warnings.append("whether its clock was lowered is unknown: this Mac does not tell")
    return warnings


class Work:
    """What was measured: how long it took, and the board right before and right after it."""

    def __init__(self, before: Dict[str, Any]) -> None:
        self.before = before
        self.after: Dict[str, Any] = {}
        # On the board's monotonic clock.
        self.began_s = 0.0
        self.wall_s = 0.0
        # CPU time of this process, and of the processes that it started and that have ended.
        self.cpu_s = 0.0
        self.children_cpu_s = 0.0


@contextmanager
def watched(throttled_at_start: Optional[int] = None) -> Iterator[Work]:
    """Whatever the block does is measured: the board is read before it and after it, and not meanwhile.

    `throttled_at_start`: the bits when the program started, which tell old throttling from new.
    """
    work, neighbours = Work(board_state(may_start_a_process=True)), processes()
    work.before["throttled"] = known_throttling(work.before["throttled"], throttled_at_start)
    ticks, children = cpu_ticks(), children_cpu_s()
    work.began_s, cpu = time.monotonic(), time.process_time()
    yield work
    work.cpu_s, work.wall_s = time.process_time() - cpu, time.monotonic() - work.began_s
    work.children_cpu_s, ticks_after = children_cpu_s() - children, cpu_ticks()
    work.after = board_state(may_start_a_process=True)
    work.after["neighbour"] = busiest_neighbour(neighbours, processes(), work.wall_s)
    note_others(work.before, work.after, ticks, ticks_after, work.cpu_s + work.children_cpu_s, work.wall_s)


def children_cpu_s() -> float:
    """CPU time of the processes that this one started and that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
