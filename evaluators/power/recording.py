"""What a meter said while something else happened: recorded, kept as text, sifted."""

import asyncio
import base64
import json
import math
import zlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from itertools import accumulate, pairwise
from typing import Any, TypeVar

from evaluators.compression import decompressed
from evaluators.errors import MeterError
from evaluators.power.meter import MeterInfo, PowerMeter, PowerReading

T = TypeVar("T")

# A Wi-Fi meter is now and then silent for 7 s in published logs; a power supply of the course takes 2 s to begin.
STALL_S = 10.0
# A reading sooner after the one before than this share of the period was held up on its way, or is no new one.
EARLY_SHARE = 0.5

# A reading is some 30 bytes, and the fastest meter says a thousand a second: hours of it.
TRACE_BYTES = 2**28
# Traces count in microseconds, microvolts, microamperes, microwatts: finer than any meter here.
_UNITS = 1_000_000
# What a meter does not tell, the volts of some: no reading is as low.
_UNKNOWN = -(2**62)
_COLUMNS = ("time_s", "volts", "amps", "watts", "averaged_s")


@dataclass(frozen=True, slots=True)
class Trace:
    """All that a meter said, as it came, and which meter it was."""

    info: MeterInfo
    readings: tuple[PowerReading, ...]

    def to_text(self) -> str:
        columns = {name: _differences(_units(getattr(r, name)) for r in self.readings) for name in _COLUMNS}
        content = {"meter": asdict(self.info), **columns}
        return base64.b64encode(zlib.compress(json.dumps(content, separators=(",", ":")).encode())).decode()

    @classmethod
    def from_text(cls, text: str) -> "Trace":
        content = json.loads(decompressed(base64.b64decode(text), TRACE_BYTES))
        columns = [[_value(number) for number in accumulate(content[name])] for name in _COLUMNS]
        readings = (PowerReading(*values) for values in zip(*columns, strict=True))
        return cls(MeterInfo(**content["meter"]), tuple(readings))


def _units(value: float) -> int:
    return _UNKNOWN if math.isnan(value) else round(value * _UNITS)


def _value(units: int) -> float:
    return math.nan if units == _UNKNOWN else units / _UNITS


def _differences(numbers: Iterable[int]) -> list[int]:
    return [later - earlier for earlier, later in pairwise([0, *numbers])]


# --- recording -------------------------------------------------------------------------------------------------------


async def recorded(
    meter: PowerMeter, work: Callable[[], Awaitable[T]], *, stall_s: float | None = None
) -> tuple[T, Trace]:
    """What the work gave, and what the meter said meanwhile. The work begins once the meter was heard.

    A meter that stops or stalls in the middle is a MeterError at once, and the work is cancelled.
    """
    recording = _Recording(meter, stall_s or max(STALL_S, 5 * meter.info.period_s))
    worker: asyncio.Future[T] | None = None
    try:
        await recording.until(recording.heard)
        worker = asyncio.ensure_future(work())
        await recording.until(worker)
        return worker.result(), Trace(meter.info, tuple(recording.readings))
    finally:
        await _ended(recording.reader, worker)


async def heard(meter: PowerMeter) -> PowerReading:
    """One reading: the meter is there, and has said what it is."""
    recording = _Recording(meter, STALL_S)
    try:
        await recording.until(recording.heard)
        return recording.readings[0]
    finally:
        await _ended(recording.reader, None)


class _Recording:
    """A task that reads, and does nothing else."""

    def __init__(self, meter: PowerMeter, stall_s: float) -> None:
        self._meter = meter
        self._stall_s = stall_s
        self.readings: list[PowerReading] = []
        self.heard: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.reader = asyncio.create_task(self._read())

    async def _read(self) -> None:
        async with aclosing(self._meter.readings()) as stream:
            async for reading in stream:
                self.readings.append(reading)
                if not self.heard.done():
                    self.heard.set_result(None)
        raise MeterError(self._fault("stopped"))

    async def until(self, over: "asyncio.Future[T]") -> None:
        """The reader's fault, or its silence, is raised."""
        count = -1
        while not over.done():
            if len(self.readings) == count:
                raise MeterError(self._fault(f"has said nothing for {self._stall_s:g} s"))
            count = len(self.readings)
            either: list[asyncio.Future[Any]] = [self.reader, over]
            await asyncio.wait(either, timeout=self._stall_s, return_when="FIRST_COMPLETED")
            if self.reader.done():
                self.reader.result()

    def _fault(self, what: str) -> str:
        return (
            f"{self._meter.info.name} {what} after {len(self.readings)} readings; "
            "is it still switched on and connected?"
        )


async def _ended(*tasks: "asyncio.Future[T] | asyncio.Future[None] | None") -> None:
    started = [task for task in tasks if task is not None]
    for task in started:
        task.cancel()
    await asyncio.wait(started)
    for task in started:
        # The exception is looked at, or asyncio complains that nobody did.
        if not task.cancelled():
            task.exception()


# --- sifting ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sifted:
    """A reading, and the earliest moment its averaging may have ended: long before it came, if it was held up."""

    reading: PowerReading
    ended_s: float

    @property
    def watts(self) -> float:
        return self.reading.watts

    @property
    def time_s(self) -> float:
        return self.reading.time_s


def sifted(trace: Trace) -> tuple[Sifted, ...]:
    """The readings without the zeros before a meter's first value, and without repetitions of one known already.

    MeterError if nothing is left: then nothing was switched on.
    """
    readings = list(trace.readings)
    while readings and readings[0].watts == 0:
        del readings[0]
    if not readings:
        raise MeterError(
            f"{trace.info.name} read 0 W all the time ({len(trace.readings)} readings): is its output on, and is the "
            "board fed through it?"
        )
    period_s = trace.info.period_s
    return tuple(_dated(_without_repetitions(readings, EARLY_SHARE * period_s), period_s))


def _without_repetitions(readings: Sequence[PowerReading], early_s: float) -> list[PowerReading]:
    """Who asks a meter more often than it measures hears the same thing again."""
    distinct = [readings[0]]
    for reading in readings[1:]:
        if reading.time_s - distinct[-1].time_s >= early_s or _said(reading) != _said(distinct[-1]):
            distinct.append(reading)
    return distinct


def _said(reading: PowerReading) -> str:
    """The figures as text, where "not a number" equals itself: some meters tell watts alone."""
    return str((reading.volts, reading.amps, reading.watts))


def _dated(readings: Sequence[PowerReading], period_s: float) -> list[Sifted]:
    """One reading is due a period after the other: what comes later may be as old as that.

    What comes in a burst was held up, and each of it may be as old as what came before the burst.
    """
    dated: list[Sifted] = []
    for burst in _bursts(readings, EARLY_SHARE * period_s):
        known_s = dated[-1].time_s if dated else -math.inf
        due_s = known_s + period_s if len(burst) == 1 else known_s
        dated += [Sifted(reading, min(reading.time_s, due_s)) for reading in burst]
    return dated


def _bursts(readings: Sequence[PowerReading], early_s: float) -> list[list[PowerReading]]:
    bursts = [[readings[0]]]
    for earlier, reading in pairwise(readings):
        if reading.time_s - earlier.time_s < early_s:
            bursts[-1].append(reading)
        else:
            bursts.append([reading])
    return bursts
