"""Device: the protocol of whatever runs models; what it is asked, and what it answers."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self, runtime_checkable

from evaluators.runtimes.settings import DEFAULT_RUNTIME, RuntimeSettings

# The number is raised whenever a figure would come out differently for the same model on the same board.
PROTOCOL_VERSION = 1

# The board's lock, the same for everybody who measures on it. A folder that tests put in place of / is another board.
LOCK = os.path.join(os.environ.get("SEARCH_SYSROOT") or "/tmp", "ondevice-search.store.lock")  # noqa: PTH118

# What the on-device program says it does from here on depends on the model.
LOADING = "loading"


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One fresh process on the device: load the model, warm up until steady, time `run()` alone at batch size 1.

    Search mode (`passes` 0) stops as soon as the 95 % interval of the process's own figure is within
    `precision` of it, or at `limit_s`. Confirm mode runs all `images` `passes` times and returns the predictions.
    """

    model: Path
    # uint8, N x channels x height x width, saved by numpy.
    images: Path
    runtime: RuntimeSettings
    precision: float = 0.01
    limit_s: float = 1.0
    passes: int = 0
    # The normalisation for a file that takes float32 instead of the raw image; a number for each channel.
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None
    # Search mode may also stop once the interval of the process's own figure lies wholly above this.
    hopeless_above_s: float | None = None
    # A board is sent the files although it has them: whether it still takes any is part of the question.
    afresh: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadTask:
    """One fresh process for a power meter: load the model, warm up; idle, one inference after the other, idle again."""

    model: Path
    # uint8, N x channels x height x width, saved by numpy.
    images: Path
    runtime: RuntimeSettings
    # The time before and after, with the model loaded and nothing running.
    idle_s: float
    active_s: float
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseTask:
    """The university course's way: a script that opens one PNG file after the other, timed as a whole."""

    model: Path
    # A zip, not compressed, of `count` files <n>_<class>.png.
    images: Path
    count: int
    runtime: RuntimeSettings
    # The time before and after the script, for a power meter. 0: none looks on.
    idle_s: float = 0.0
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Guard:
    """How a task gets on with whoever else uses the board."""

    # The file that is locked while measuring; "": none.
    lock: str = LOCK
    lock_wait_s: float = 600.0
    # The board is let cool down to this before loading the model, for as long as the limit. None: at once.
    cool_below_c: float | None = None
    cool_limit_s: float = 300.0
    # The program ends when nothing arrives on its standard input for so long: the connection is dead. None: never.
    heartbeat_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardState:
    """What may spoil a timing, read without starting a process. None: this board does not say."""

    temperature_c: float | None = None
    clock_hz: float | None = None
    governor: str | None = None
    # Cores' worth of CPU time that others used while we measured (0 before).
    others_cores: float | None = None
    # The same for time the hypervisor gave to other machines.
    stolen_cores: float | None = None
    load: float | None = None
    # Raspberry Pi's bits 0-3: under-voltage, capped, throttled, soft limit; 16-19: the same since boot.
    throttled: int | None = None
    # Who used most CPU beside us while we measured, for a person: python3 (pid 1234, lena).
    neighbour: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessRun:
    """What one process saw: the samples, its CPU time, its memory and the board around it."""

    latencies_s: tuple[float, ...]
    # Where in `latencies_s` each block of consecutive samples begins.
    block_starts: tuple[int, ...]
    # The timed part's, warm-up and loading left out.
    wall_s: float
    cpu_s: float
    # When it began, on the board's monotonic clock.
    began_s: float | None = None
    # The process's peak while loading and running, before the images to be timed were read.
    memory_peak_bytes: int
    # The same process after its imports, before the model.
    memory_imports_bytes: int
    memory_anonymous_bytes: int | None = None
    before: BoardState
    after: BoardState
    # The worst of what was seen between blocks: hottest, slowest clock, every throttle bit, highest load.
    # None: recorded by a program that did not look.
    during: BoardState | None = None
    # The median of what the course's script would have timed, where that is less than a latency is of. None: the same.
    course_s: float | None = None
    # Confirm mode: the class said for each image, in order.
    predictions: tuple[int, ...] = ()
    warnings: tuple[str, ...] = ()
    # Latency and energy of the reference's process nearest in time, as the host knows them; None of the reference.
    reference_s: float | None = None
    reference_j: float | None = None


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time on the board's monotonic clock."""

    begin_s: float
    end_s: float

    @property
    def length_s(self) -> float:
        return self.end_s - self.begin_s


@dataclass(frozen=True, slots=True)
class Ping:
    """One round trip: at some moment between these two of our monotonic clock, the board's said `board_s`."""

    sent_s: float
    board_s: float
    received_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadRun:
    """What one process did while a power meter looked on, and what tells when that was."""

    idle_before: Window
    active: Window
    idle_after: Window
    # How many ran in the active window, all of them whole.
    inferences: int
    # The CPU time of the active window.
    cpu_s: float
    # Pings come before and after the active window, never in it.
    pings: tuple[Ping, ...]
    before: BoardState
    after: BoardState
    during: BoardState | None = None
    warnings: tuple[str, ...] = ()

    @property
    def wall_s(self) -> float:
        return self.active.length_s


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseWindows:
    """When the script ran while a power meter looked on, and what tells when that was."""

    idle_before: Window
    active: Window
    idle_after: Window
    pings: tuple[Ping, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseRun:
    """What the course's script took."""

    # What `run()` alone took, per image, without warm-up.
    latencies_s: tuple[float, ...]
    correct: int
    # The whole process's: Python's start, imports, session, decoding.
    wall_s: float
    cpu_s: float
    # The times of its loop over the images alone.
    loop_wall_s: float
    loop_cpu_s: float
    # The whole process's, imports included.
    memory_peak_bytes: int
    # When the script ran; None: no meter looked on.
    windows: CourseWindows | None = None
    before: BoardState
    after: BoardState
    during: BoardState | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FirstReference:
    """The structure that a recording's figures are over, and what it took when the bench was first used."""

    structure_id: str
    latency_s: float
    energy_j: float


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceInfo:
    """What makes figures of a device comparable, and what is only recorded."""

    model: str
    pool: str
    cores: int
    system: str
    governor: str
    # The first of `runtimes`: part of what makes the device a bench.
    runtime: str
    serial: str
    # Trainer and device are one machine: nothing may be built while something is timed.
    on_this_machine: bool
    # Nothing runs at all: what is answered was measured before.
    recorded: bool = False
    providers: tuple[str, ...] = field(default=())
    python: str = ""
    memory_bytes: int | None = None
    # The bits of the Python there: a 64-bit kernel may carry a 32-bit system.
    bits: int = 64
    machine: str = ""
    # Its Python has Pillow, which the course's way needs.
    reads_png: bool = False
    # The runtimes that are installed there: "NAME VERSION". (): recorded when there was only one.
    runtimes: tuple[str, ...] = ()
    # What the figures of a recording are over; None for a board, and for recordings of earlier versions.
    reference: FirstReference | None = None
    # Trials of the search that was recorded: the id of each recipe once as it was asked for, and once more as it was
    # told, in this order.
    trials: tuple[str, ...] = ()

    def framework(self, runtime: str) -> str | None:
        """The runtime of this name with its version; None where it is not installed there."""
        if not self.runtimes:
            return self.runtime if runtime == DEFAULT_RUNTIME else None
        return next((text for text in self.runtimes if text.partition(" ")[0] == runtime), None)


# It is called with a few words and the share done (0 to 1) while a task runs.
Progress = Callable[[str, float], None]


class Device(Protocol):
    """A device, owned by one worker: entered once, one task at a time. Faults are DeviceError."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    @property
    def info(self) -> DeviceInfo:
        """What the device is, known once it is entered."""
        ...

    async def run(self, task: Task, progress: Progress | None = None) -> ProcessRun: ...

    async def load(self, task: LoadTask, progress: Progress | None = None) -> LoadRun: ...

    def check_course(self) -> None:
        """An error with the next step where `course` cannot run."""
        ...

    async def course(self, task: CourseTask, progress: Progress | None = None) -> CourseRun: ...


@runtime_checkable
class LooksAtSeveral(Protocol):
    """A device that can look at several models in one process: starting it takes most of the time of a short timing."""

    async def look(self, tasks: Sequence[Task], progress: Progress | None = None) -> tuple[float | None, ...]:
        """The latency of each in seconds, timed for a moment; None for one that cannot be run. All with the same
        images."""
        ...
