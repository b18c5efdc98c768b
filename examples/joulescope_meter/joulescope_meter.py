"""Joulescope JS110 and JS220 at this machine's USB: `joulescope:[SERIAL][?hz=10]`.

The instrument samples two million times a second, and works out on itself the mean of each interval: that is a reading.
What it needs is written here; silence, garbage, zeros and the two clocks are judged by LineMeter, as of any meter.
"""

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from evaluators.errors import MeterError
from evaluators.power.lines import Limits, LineMeter
from evaluators.power.meter import MeterInfo
from evaluators.power.place import Place
from evaluators.power.sample import GarbageError, Sample, sample
from evaluators.power.stream import Board, Opening, Stream
from space.errors import RequestError

# How often the instrument can tell (its parameter reduction_frequency), times a second.
FREQUENCIES = (1, 2, 5, 10, 20, 50, 100)
LIMITS = Limits(silence_s=5.0, settle_s=0.5, first_line=True)
ADVICE = "is it plugged in, and is no other program using it?"
_LINE = re.compile(r"(\d+\.\d+) (-?\d+\.\d+) (-?\d+\.\d+) (-?\d+\.\d+)")


def joulescope_meter(rest: str, board: Board | None = None) -> LineMeter:
    """What the entry point names: called with what stands behind the colon; nothing is opened before it is read."""
    place = Place.parse("joulescope", rest, "hz")
    hz = place.number("hz", 10, FREQUENCIES[0], FREQUENCIES[-1])
    if hz not in FREQUENCIES:
        raise RequestError(f"meter {place.url}: hz={hz:g}; valid is {', '.join(map(str, FREQUENCIES))}")
    name = f"Joulescope at {place.where}" if place.where else "Joulescope"
    return LineMeter(_opening(place.where, int(hz), name), lambda: Statistics(name, hz), LIMITS, ADVICE)


class Statistics:
    """Says what one line is: the instrument's own time, volts, amps and watts."""

    def __init__(self, name: str, hz: float) -> None:
        self.info = MeterInfo(name, period_s=1 / hz, averaged_s=1 / hz)

    def parse(self, line: str) -> Sample | None:
        match = _LINE.fullmatch(line)
        if match is None:
            raise GarbageError("no statistics")
        seconds, volts, amps, watts = map(float, match.groups())
        return sample(volts, amps, watts, meter_s=seconds)


def _opening(serial: str, hz: int, name: str) -> Opening:
    @asynccontextmanager
    async def opened() -> AsyncGenerator[Stream, None]:
        lines: asyncio.Queue[bytes] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        def came(statistics: dict[str, Any]) -> None:
            """Called by a thread of the driver's."""
            loop.call_soon_threadsafe(lines.put_nowait, _line(statistics))

        # The driver waits for the USB: not in the thread of the loop.
        device = await asyncio.to_thread(_found, serial, name)
        try:
            await asyncio.to_thread(_start, device, hz, came, name)
            yield _Lines(lines)
        finally:
            await asyncio.to_thread(device.close)

    return opened


class _Lines:
    def __init__(self, lines: "asyncio.Queue[bytes]") -> None:
        self._lines = lines

    async def read(self) -> bytes:
        return await self._lines.get()


def _line(statistics: dict[str, Any]) -> bytes:
    signals = statistics["signals"]
    volts, amps, watts = (signals[signal]["µ"]["value"] for signal in ("voltage", "current", "power"))
    return b"%.6f %.6f %.9f %.9f\n" % (statistics["time"]["range"]["value"][1], volts, amps, watts)


def _found(serial: str, name: str) -> Any:
    try:
        from joulescope import scan
    except ImportError as error:
        raise RequestError(f"meter joulescope: its library is missing: pip install joulescope ({error})") from error
    devices = [device for device in scan(config="off") if str(device.device_serial_number).endswith(serial)]
    if len(devices) != 1:
        there = ", ".join(str(device.device_serial_number) for device in devices) or "none"
        raise MeterError(f"{name}: one is needed, there is {there}; plug it in, or name it: joulescope:SERIAL")
    return devices[0]


def _start(device: Any, hz: int, came: Any, name: str) -> None:
    try:
        device.open()
        device.parameter_set("i_range", "auto")
        device.parameter_set("v_range", "15V")
        device.parameter_set("reduction_frequency", f"{hz} Hz")
        device.statistics_callback_register(came, "sensor")
    except Exception as error:
        # The driver names no class of its own for what may go wrong here.
        raise MeterError(f"{name}: it cannot be opened ({error}); {ADVICE}") from error
