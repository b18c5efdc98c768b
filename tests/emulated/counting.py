"""Counting: how many instructions an inference takes on an emulated core; start-up, imports and loading are not in it.

Every inference is counted by itself, between the two readings of the clock with which the on-device program times it.
"""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median_low

from evaluators.device.device import Guard, Task
from evaluators.device.on_board.application import program_file
from evaluators.device.on_board.requests import measure_request
from tests.emulated.board import Emulator
from tests.emulated.cores import Core
from tests.emulated.debian import last_line, run
from tests.emulated.folder import UnavailableError

SOURCE, COUNTED = (Path(__file__).parent / name for name in ("instructions.c", "counted.py"))
# What the plugin is told of the system calls that mark: a reading of the clock, and the next part.
CLOCK, PART = 155, 156
# The versions of QEMU's interface for plugins; what is asked of it is the same in all of them.
APIS = range(1, 7)
# An inference of the unpruned network takes about a second.
COUNT_S = 1200
# After so many runs the caches of Python and of the runtime are filled.
WARM = 5


class CountingError(Exception):
    """A file was not counted to the end; the message says what went wrong over there."""


@dataclass(frozen=True, slots=True)
class Instructions:
    """Of one inference: the median of all that were counted, the least and the most."""

    median: int
    least: int
    most: int

    @classmethod
    def of(cls, counts: Sequence[int], reading: int) -> "Instructions":
        """Without what a reading of the clock takes itself."""
        return cls(median_low(counts) - reading, min(counts) - reading, max(counts) - reading)


@dataclass(frozen=True, slots=True)
class Counted:
    # From the image as bytes to the logits, as the on-device program times it.
    work: Instructions
    # What the course times.
    course: Instructions


@dataclass(frozen=True)
class Counter:
    emulator: Emulator
    plugin: Path

    def count(self, core: Core, sites: Sequence[Path], task: Task, runs: int, scratch: Path) -> Counted:
        """The task's images in turn."""
        out = scratch / "counts.txt"
        request = measure_request(task, model=str(task.model), images=str(task.images), guard=Guard(lock=""))
        words = self.emulator.words(
            core, sites, _loading(self.plugin, out), PYTHONHASHSEED="0", OPENBLAS_NUM_THREADS="1"
        )
        asked = [str(COUNTED), str(program_file()), request.decode().strip(), str(WARM), str(runs)]
        done = subprocess.run([*words, *asked], capture_output=True, text=True, timeout=COUNT_S)
        if done.returncode != 0:
            raise CountingError(f"{task.model.name} on a {core.name}: {last_line(done.stderr)}")
        return counted(out.read_text(), runs)


def counted(notes: str, runs: int) -> Counted:
    """From the plugin's notes."""
    parts: list[list[int]] = [[]]
    for line in notes.splitlines():
        call, count = map(int, line.split())
        if call == PART:
            parts.append([])
        else:
            parts[-1].append(count)
    _, empty, work, course = map(_between, parts)
    if not len(work) == len(course) == runs:
        raise CountingError(f"{runs} runs were asked for, {len(work)} and {len(course)} of the course's were marked")
    reading = median_low(empty)
    return Counted(Instructions.of(work, reading), Instructions.of(course, reading))


def _between(readings: Sequence[int]) -> list[int]:
    """From each first reading of the clock to the second."""
    return [end - begin for begin, end in zip(readings[::2], readings[1::2], strict=True)]


def _loading(plugin: Path, out: Path) -> list[str]:
    return ["-plugin", f"{plugin},out={out}"]


def counter(emulator: Emulator, core: Core, scratch: Path) -> Counter:
    """UnavailableError where there is no C compiler, or QEMU takes no plugin."""
    complaint = ""
    for api in APIS:
        plugin = scratch / f"instructions-{api}.so"
        run(["cc", "-O2", "-shared", "-fPIC", f"-DAPI={api}", "-o", str(plugin), str(SOURCE)])
        words = emulator.words(core, (), _loading(plugin, scratch / "counts.txt"))
        done = subprocess.run([*words, "-c", "pass"], capture_output=True, text=True, timeout=COUNT_S)
        if done.returncode == 0:
            return Counter(emulator, plugin)
        complaint = last_line(done.stderr)
    raise UnavailableError(f"QEMU does not take the plugin: {complaint}")
