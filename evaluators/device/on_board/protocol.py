"""The host's side of the conversation with the on-device program, whatever carries it: requests out, answers in."""

import asyncio
import base64
import binascii
import json
import math
import struct
import sys
import time
from array import array
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from itertools import pairwise
from pathlib import Path
from typing import Protocol

from evaluators.device.device import (
    PROTOCOL_VERSION,
    BoardState,
    CourseRun,
    CourseTask,
    CourseWindows,
    DeviceInfo,
    Guard,
    LoadRun,
    LoadTask,
    Ping,
    ProcessRun,
    Progress,
    Task,
    Window,
)
from evaluators.errors import DeviceError
from space.errors import CandidateError

# The program, to be started or copied.
PROGRAM = Path(__file__).parents[1] / "program" / "on_device.py"

# Two million latencies are 11 MB of base64.
LINE_BYTES = 16 * 2**20
# The program speaks at each step, and once a second while it times: 33 ms a run on a Pi 3B+, loading a few seconds.
SILENCE_S = 90.0
# On top of the limit of a search run: start, imports, loading, warm-up.
START_S = 180.0
# Round trips each time the board is at rest. With these gaps between them they fit into half a second on any network
# that is near, and a burst on it does not spoil them all.
PINGS = 12
PING_GAP_S = 0.02
# Unpacking, decoding and running one of the course's images takes some 50 ms on a Pi 3B+.
IMAGE_S = 1.0


class GarbledError(ValueError):
    """What came is not what the on-device program says."""


class Lines(Protocol):
    """Where the answers come from: asyncio's and asyncssh's readers both do."""

    async def readline(self) -> bytes: ...


def describe_request() -> bytes:
    return _line({"protocol": PROTOCOL_VERSION, "do": "describe"})


def answer_limit_s(task: Task, guard: Guard) -> float | None:
    """Of waiting for the answer. The test set takes as long as it takes; silence is noticed all the same."""
    return None if task.passes else _start_s(guard) + 2 * task.limit_s


def load_limit_s(task: LoadTask, guard: Guard) -> float:
    return _start_s(guard) + 2 * (2 * task.idle_s + task.active_s)


def course_limit_s(task: CourseTask, guard: Guard) -> float:
    return _start_s(guard) + IMAGE_S * task.count + 4 * task.idle_s


def _start_s(guard: Guard) -> float:
    return START_S + guard.lock_wait_s + (0.0 if guard.cool_below_c is None else guard.cool_limit_s)


# Of whoever says nothing.
_GUARD = Guard()


def measure_request(task: Task, *, model: str, images: str, guard: Guard = _GUARD) -> bytes:
    """`model` and `images` are the paths as the device sees them."""
    return _line(
        {
            "do": "measure",
            "precision": task.precision,
            "limit_s": task.limit_s,
            "passes": task.passes,
            "hopeless_above_s": task.hopeless_above_s,
            **_common(task, model, images, guard),
        }
    )


def load_request(task: LoadTask, *, model: str, images: str, guard: Guard = _GUARD) -> bytes:
    windows = {"idle_s": task.idle_s, "active_s": task.active_s}
    return _line({"do": "load", **windows, **_common(task, model, images, guard)})


def course_request(task: CourseTask, *, model: str, images: str, guard: Guard = _GUARD) -> bytes:
    return _line({"do": "course", "idle_s": task.idle_s, **_common(task, model, images, guard)})


def _common(task: Task | LoadTask | CourseTask, model: str, images: str, guard: Guard) -> dict[str, object]:
    return {
        "protocol": PROTOCOL_VERSION,
        "model": model,
        "images": images,
        **asdict(task.runtime),
        "mean": task.mean,
        "std": task.std,
        **asdict(guard),
    }


class Pinger:
    """Asks the board for its time whenever it comes to rest, one ping after the other, and keeps the round trips.

    A ping that meets the board at work gets no answer, and nobody waits for one.
    """

    def __init__(self, write: Callable[[bytes], Awaitable[None]], pings: list[Ping]) -> None:
        self._write = write
        self._pings = pings
        self._left = 0
        self._number = 0
        self._sent_s = 0.0

    async def begin(self) -> None:
        self._left = PINGS
        await self._next()

    async def answered(self, message: dict[str, object], received_s: float) -> None:
        fields = Fields(message)
        number, board_s = fields.whole("n", 1, self._number), fields.number("board_s", 0)
        if number < self._number:
            # Given up long ago.
            return
        self._pings.append(Ping(self._sent_s, board_s, received_s))
        await asyncio.sleep(PING_GAP_S)
        await self._next()

    async def _next(self) -> None:
        if self._left:
            self._left -= 1
            self._number += 1
            self._sent_s = time.monotonic()
            await self._write(_line({"ping": self._number}))


async def answer(
    lines: Lines,
    *,
    device: str,
    model: str,
    progress: Progress | None,
    limit_s: float | None,
    silence_s: float = SILENCE_S,
    pinger: Pinger | None = None,
) -> dict[str, object] | None:
    """The program's result; None if it went without one, which its exit status has to explain.

    Raises CandidateError if the model is to blame, DeviceError for anything else.
    """
    said = "starting"
    try:
        async with asyncio.timeout(limit_s):
            while True:
                async with asyncio.timeout(silence_s) as silence:
                    line = await _next(lines, device)
                received_s = time.monotonic()
                if not line.endswith(b"\n"):
                    return None
                try:
                    message = parsed(line)
                    if pinger is not None and message.get("event") == "pong":
                        await pinger.answered(message, received_s)
                        continue
                    step = _step(message, device=device, model=model)
                except GarbledError as error:
                    raise DeviceError(f"{device}: the on-device program gave no proper answer: {error}") from error
                if step is None:
                    return message
                said, share = step
                if pinger is not None and said == "settling":
                    await pinger.begin()
                if progress is not None:
                    progress(said, share)
    except TimeoutError:
        waited = f"{silence_s:g} s of silence" if silence.expired() else f"{limit_s:g} s in all"
        raise DeviceError(f"{device}: no answer while {said}, after {waited}; is it overloaded or suspended?") from None


async def _next(lines: Lines, device: str) -> bytes:
    try:
        return await lines.readline()
    except ValueError as error:
        raise DeviceError(f"{device}: the on-device program gave an answer without an end: {error}") from error


def _step(message: dict[str, object], *, device: str, model: str) -> tuple[str, float] | None:
    """What the program is doing, and the share done; None with its result; its error raised."""
    event = message.get("event")
    if event == "result":
        return None
    fields = Fields(message)
    if event == "error":
        if message.get("kind") == "model":
            raise CandidateError(f"{model} does not run on {device}: {fields.text('message')}")
        raise DeviceError(f"{device}: {fields.text('message')}")
    if event != "progress":
        raise GarbledError(f"an event of unknown kind, {_shown(event)}")
    return fields.text("what"), fields.number("share", 0, 1)


def parsed(line: bytes) -> dict[str, object]:
    """One line, as a JSON object."""
    try:
        message = json.loads(line)
    except (ValueError, RecursionError):
        raise GarbledError(f"{printable(line[:60].decode('utf-8', 'replace'))!r} is not JSON") from None
    if not isinstance(message, dict):
        raise GarbledError(f"{printable(line[:60].decode('utf-8', 'replace'))!r} is not a JSON object")
    return message


def printable(text: object) -> str:
    """What a board says goes to a terminal: without control characters, and not for ever."""
    return "".join(letter if letter.isprintable() else " " for letter in str(text))[:600].strip()


class Fields:
    """A JSON object read strictly: every field of its kind and within its bounds, or GarbledError naming it."""

    def __init__(self, values: object) -> None:
        if not isinstance(values, dict):
            raise GarbledError(f"{printable(values)[:60]!r} is not a JSON object")
        self._values = values

    def number(self, name: str, low: float = -math.inf, high: float = math.inf) -> float:
        value = self._values.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise GarbledError(f"{name} is {_shown(value)}, not a number")
        if not (math.isfinite(value) and low <= value <= high):
            raise GarbledError(f"{name} is {_shown(value)}, not between {low:g} and {high:g}")
        return float(value)

    def number_or_none(self, name: str, low: float = -math.inf, high: float = math.inf) -> float | None:
        return None if self._values.get(name) is None else self.number(name, low, high)

    def whole(self, name: str, low: int, high: int) -> int:
        value = self._values.get(name)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise GarbledError(f"{name} is {_shown(value)}, not a whole number from {low} to {high}")
        return value

    def whole_or_none(self, name: str, low: int, high: int) -> int | None:
        return None if self._values.get(name) is None else self.whole(name, low, high)

    def text(self, name: str) -> str:
        value = self._values.get(name)
        if not isinstance(value, str):
            raise GarbledError(f"{name} is {_shown(value)}, not a text")
        return printable(value)

    def text_or_none(self, name: str) -> str | None:
        return None if self._values.get(name) is None else self.text(name)

    def texts(self, name: str) -> tuple[str, ...]:
        value = self._values.get(name)
        if not isinstance(value, list) or len(value) > 100 or not all(isinstance(item, str) for item in value):
            raise GarbledError(f"{name} is {_shown(value)}, not a list of texts")
        return tuple(printable(item) for item in value)

    def flag(self, name: str) -> bool:
        value = self._values.get(name)
        if not isinstance(value, bool):
            raise GarbledError(f"{name} is {_shown(value)}, not true or false")
        return value

    def inner(self, name: str) -> "Fields":
        return Fields(self._values.get(name))

    def wholes(self, name: str) -> list[int]:
        """Packed as base64 of little-endian unsigned numbers of 4 or 8 bytes."""
        packed = self.inner(name)
        code = {"<u4": "I", "<u8": "Q"}.get(packed.text("type"))
        content = packed._values.get("base64")
        if code is None or not isinstance(content, str):
            raise GarbledError(f"{name} is not packed as <u4 or <u8")
        try:
            numbers = array(code, base64.b64decode(content, validate=True))
        except (binascii.Error, ValueError) as error:
            raise GarbledError(f"{name} cannot be unpacked: {error}") from None
        if sys.byteorder == "big":
            numbers.byteswap()
        return numbers.tolist()


def packed(numbers: Sequence[int]) -> dict[str, str]:
    """What `Fields.wholes` reads."""
    kind, code = ("<u4", "I") if max(numbers, default=0) < 2**32 else ("<u8", "Q")
    return {"type": kind, "base64": base64.b64encode(struct.pack(f"<{len(numbers)}{code}", *numbers)).decode()}


def process_run(message: dict[str, object]) -> ProcessRun:
    """The run a result tells of; GarbledError if it does not hold together."""
    fields = Fields(message)
    _check_version(fields)
    latencies = fields.wholes("latencies_ns")
    starts = fields.wholes("block_starts")
    if not latencies or min(latencies) == 0:
        raise GarbledError("latencies_ns is empty, or has a run that took no time")
    if not starts or starts[0] != 0 or any(a >= b for a, b in pairwise([*starts, len(latencies)])):
        raise GarbledError(f"block_starts do not divide the {len(latencies)} latencies")
    return ProcessRun(
        latencies_s=tuple(latency / 1e9 for latency in latencies),
        block_starts=tuple(starts),
        began_s=fields.number_or_none("began_s"),
        wall_s=fields.number("wall_s", 1e-9),
        cpu_s=fields.number("cpu_s", 0),
        memory_peak_bytes=fields.whole("memory_peak_bytes", 0, 2**50),
        memory_imports_bytes=fields.whole("memory_imports_bytes", 0, 2**50),
        memory_anonymous_bytes=fields.whole_or_none("memory_anonymous_bytes", 0, 2**50),
        before=_board_state(fields.inner("before")),
        after=_board_state(fields.inner("after")),
        during=None if message.get("during") is None else _board_state(fields.inner("during")),
        predictions=tuple(fields.wholes("predictions")),
        warnings=fields.texts("warnings"),
        reference_s=fields.number_or_none("reference_s", 1e-9) if "reference_s" in message else None,
        reference_j=fields.number_or_none("reference_j", 0) if "reference_j" in message else None,
    )


def load_run(message: dict[str, object], pings: Sequence[Ping]) -> LoadRun:
    """What a result tells of a load; GarbledError if it does not hold together."""
    fields = Fields(message)
    _check_version(fields)
    run = LoadRun(
        idle_before=_window(fields.inner("idle_before")),
        active=_window(fields.inner("active")),
        idle_after=_window(fields.inner("idle_after")),
        inferences=fields.whole("inferences", 1, 2**50),
        cpu_s=fields.number("cpu_s", 0),
        pings=tuple(pings),
        before=_board_state(fields.inner("before")),
        after=_board_state(fields.inner("after")),
        during=None if message.get("during") is None else _board_state(fields.inner("during")),
        warnings=fields.texts("warnings"),
    )
    _check_order(run)
    return run


def _check_order(run: LoadRun | CourseWindows) -> None:
    windows = (run.idle_before, run.active, run.idle_after)
    times = [time for window in windows for time in (window.begin_s, window.end_s)]
    if times != sorted(times) or run.active.length_s == 0:
        raise GarbledError(f"its windows are not one after the other: {', '.join(f'{time:.3f}' for time in times)} s")


def load_message(run: LoadRun) -> dict[str, object]:
    """The other way round: the result that tells of this load, its pings beside."""
    return {"event": "result", "protocol": PROTOCOL_VERSION, **asdict(run)}


def recorded_load(message: dict[str, object]) -> LoadRun:
    """What `load_message` made, read from a file; GarbledError if it does not hold together."""
    pings = message.get("pings")
    if not isinstance(pings, list):
        raise GarbledError("its pings are missing")
    return load_run(message, [_ping(Fields(ping)) for ping in pings])


def _ping(fields: Fields) -> Ping:
    return Ping(fields.number("sent_s"), fields.number("board_s"), fields.number("received_s"))


def _window(fields: Fields) -> Window:
    return Window(fields.number("begin_s", 0), fields.number("end_s", 0))


def course_run(message: dict[str, object], task: CourseTask, pings: Sequence[Ping] = ()) -> CourseRun:
    """What a result of the course's script tells; GarbledError if it does not hold together."""
    fields = Fields(message)
    _check_version(fields)
    latencies = fields.wholes("latencies_ns")
    if len(latencies) != task.count or min(latencies) == 0:
        raise GarbledError(f"{len(latencies)} latencies are not those of {task.count} images")
    run = CourseRun(
        latencies_s=tuple(latency / 1e9 for latency in latencies),
        correct=fields.whole("correct", 0, task.count),
        wall_s=fields.number("wall_s", 1e-9),
        cpu_s=fields.number("cpu_s", 0),
        loop_wall_s=fields.number("loop_wall_s", 1e-9),
        loop_cpu_s=fields.number("loop_cpu_s", 0),
        memory_peak_bytes=fields.whole("memory_peak_bytes", 0, 2**50),
        windows=_course_windows(fields, pings) if task.idle_s else None,
        before=_board_state(fields.inner("before")),
        after=_board_state(fields.inner("after")),
        during=None if message.get("during") is None else _board_state(fields.inner("during")),
        warnings=fields.texts("warnings"),
    )
    if not sum(run.latencies_s) <= run.loop_wall_s <= run.wall_s:
        raise GarbledError(f"its loop took {run.loop_wall_s:g} s, the whole script {run.wall_s:g} s")
    return run


def _course_windows(fields: Fields, pings: Sequence[Ping]) -> CourseWindows:
    windows = CourseWindows(
        idle_before=_window(fields.inner("idle_before")),
        active=_window(fields.inner("active")),
        idle_after=_window(fields.inner("idle_after")),
        pings=tuple(pings),
    )
    _check_order(windows)
    return windows


@contextmanager
def held_together(device: str, model: str) -> Iterator[None]:
    """What does not is the device's fault."""
    try:
        yield
    except GarbledError as error:
        raise DeviceError(f"{device}: the result for {model} does not hold together: {error}") from error


def check_reads_png(info: DeviceInfo, *, device: str, then: str) -> None:
    if not info.reads_png:
        raise DeviceError(f"{device}: its Python has no Pillow, which the course's protocol needs; next: {then}")


def check_answers(task: Task, run: ProcessRun) -> None:
    """The run is of the mode that was asked for; GarbledError if not."""
    runs, images = len(run.latencies_s), len(run.predictions)
    if task.passes and (not images or runs != task.passes * images):
        raise GarbledError(f"{runs} runs and {images} predictions do not make {task.passes} passes")


def result_message(run: ProcessRun) -> dict[str, object]:
    """The other way round: the result that tells of this run, for a recording."""
    return {
        "event": "result",
        "protocol": PROTOCOL_VERSION,
        "latencies_ns": packed([round(latency * 1e9) for latency in run.latencies_s]),
        "block_starts": packed(run.block_starts),
        "began_s": run.began_s,
        "wall_s": run.wall_s,
        "cpu_s": run.cpu_s,
        "memory_peak_bytes": run.memory_peak_bytes,
        "memory_imports_bytes": run.memory_imports_bytes,
        "memory_anonymous_bytes": run.memory_anonymous_bytes,
        "before": asdict(run.before),
        "after": asdict(run.after),
        "during": None if run.during is None else asdict(run.during),
        "predictions": packed(run.predictions),
        "warnings": list(run.warnings),
        "reference_s": run.reference_s,
        "reference_j": run.reference_j,
    }


def pack(runs: Sequence[ProcessRun]) -> str:
    """Runs as text, for a database or a recording."""
    return json.dumps([result_message(run) for run in runs], separators=(",", ":"), allow_nan=False)


def unpack(text: str) -> tuple[ProcessRun, ...]:
    """What `pack` made; GarbledError if it is something else."""
    try:
        messages = json.loads(text)
    except (ValueError, RecursionError):
        raise GarbledError("these are no packed runs") from None
    if not isinstance(messages, list):
        raise GarbledError("these are no packed runs")
    return tuple(process_run(message) for message in messages)


def device_info(message: dict[str, object], *, pool: str, on_this_machine: bool) -> DeviceInfo:
    """What the program says of its board, and what only the host knows."""
    fields = Fields(message)
    _check_version(fields)
    return DeviceInfo(
        model=fields.text("model"),
        pool=pool,
        cores=fields.whole("cores", 1, 4096),
        system=fields.text("system"),
        governor=fields.text("governor"),
        runtime=fields.text("runtime"),
        serial=fields.text("serial"),
        on_this_machine=on_this_machine,
        providers=fields.texts("providers"),
        python=fields.text("python"),
        memory_bytes=fields.whole_or_none("memory_bytes", 0, 2**50),
        # Earlier recordings do not say; they are of 64 bits.
        bits=fields.whole_or_none("bits", 32, 64) or 64,
        machine=fields.text_or_none("machine") or "",
        reads_png=fields.flag("reads_png") if "reads_png" in message else False,
    )


def _board_state(fields: Fields) -> BoardState:
    return BoardState(
        temperature_c=fields.number_or_none("temperature_c", -60, 200),
        clock_hz=fields.number_or_none("clock_hz", 0, 1e12),
        governor=fields.text_or_none("governor"),
        others_cores=fields.number_or_none("others_cores", 0, 4096),
        stolen_cores=fields.number_or_none("stolen_cores", 0, 4096),
        load=fields.number_or_none("load", 0),
        throttled=fields.whole_or_none("throttled", 0, 2**32 - 1),
        neighbour=fields.text_or_none("neighbour"),
    )


def _check_version(fields: Fields) -> None:
    fields.whole("protocol", PROTOCOL_VERSION, PROTOCOL_VERSION)


def _line(message: dict[str, object]) -> bytes:
    return json.dumps(message, separators=(",", ":"), allow_nan=False).encode() + b"\n"


def _shown(value: object) -> str:
    return "missing" if value is None else repr(printable(value)[:60])
