"""LineMeter: a meter that prints lines. What it sends is not trusted: limits on length, silence, garbage and zeros."""

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Protocol

from evaluators.errors import MeterError
from evaluators.power.meter import MeterInfo, PowerReading
from evaluators.power.sample import GarbageError, Sample
from evaluators.power.stream import Opening, Stream, shown
from evaluators.power.timeline import Timeline

# At most this share of the last lines may be garbage.
GARBAGE_LINES = 50
GARBAGE_SHARE = 0.2
# Fewer lines of garbage say nothing.
GARBAGE_LEAST = 5
BACK_OFF_S = 0.5
# A meter of one place sees within this time that its client left; shorter than what a recording calls a stall, so that
# whoever has the meter is named.
NOTICED_S = 5.0
ADVICE = "is it switched on, and is this the right meter?"


class Parser(Protocol):
    """What the lines of one connection say. None for a line that is known to be no reading; else GarbageError."""

    @property
    def info(self) -> MeterInfo: ...

    def parse(self, line: str) -> Sample | None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How long is too long."""

    # Seconds without a reading, whatever else comes.
    silence_s: float = 10.0
    # Seconds with nothing but zeros.
    zero_s: float = 3.0
    # A new connection's first seconds are no data.
    settle_s: float = 0.0
    # A connection that ended is made again for so long; zero: its end is the meter's.
    reconnect_s: float = 0.0
    line_bytes: int = 200
    # The first line counts, as who speaks begins with a whole one: a program that starts now, not a device that has
    # long been talking.
    first_line: bool = False


class LineMeter:
    """Reads from what `opening` opens; each connection has a parser of its own."""

    def __init__(
        self, opening: Opening, parser: Callable[[], Parser], limits: Limits | None = None, advice: str = ADVICE
    ) -> None:
        self._opening = opening
        # What to look at when nothing comes.
        self._advice = advice
        self._new_parser = parser
        self._parser = parser()
        self._limits = limits or Limits()

        self._period_s = 0.0
        # When it last had a place for us.
        self._heard_s = -math.inf

    @property
    def info(self) -> MeterInfo:
        info = self._parser.info
        return info if info.period_s else replace(info, period_s=self._period_s)

    async def readings(self) -> AsyncGenerator[PowerReading, None]:
        lost_s: float | None = None
        back_off_s = BACK_OFF_S
        while True:
            try:
                async with self._opening() as stream, aclosing(self._connection(stream)) as connection:
                    async for reading in connection:
                        lost_s, back_off_s = None, BACK_OFF_S
                        self._heard_s = time.monotonic()
                        yield reading
            except _EndedError as error:
                now_s = time.monotonic()
                lost_s = lost_s or (now_s if error.heard else None)
                since_s, patience_s = lost_s, self._limits.reconnect_s
                if since_s is None:
                    # A connection that ended before it said anything: somebody else has the meter, unless it has not
                    # yet noticed that we ourselves left.
                    since_s, patience_s = self._heard_s, min(NOTICED_S, patience_s)
                if now_s - since_s >= patience_s:
                    raise MeterError(str(error)) from None
            except MeterError:
                if lost_s is None or time.monotonic() - lost_s >= self._limits.reconnect_s:
                    raise
            await asyncio.sleep(min(back_off_s, self._limits.reconnect_s))
            back_off_s = min(2 * back_off_s, self._limits.silence_s)

    async def _connection(self, stream: Stream) -> AsyncGenerator[PowerReading, None]:
        name, limits = self.info.name, self._limits
        self._parser = self._new_parser()
        began_s = time.monotonic()
        timeline = Timeline(name, began_s, limits.settle_s)
        health = _Health(name, began_s, limits, self._advice)
        lines = _Lines(stream, limits)
        while True:
            try:
                async with asyncio.timeout(health.left_s()):
                    arrival = await lines.next()
            except TimeoutError:
                raise health.silence() from None
            if arrival is None:
                raise _EndedError(self.info.name, heard=health.heard)
            arrived_s, line = arrival
            try:
                sample = self._parser.parse(line)
            except GarbageError as error:
                health.garbage(line, error)
                continue
            if sample is None:
                health.noise(line)
                continue
            if not health.alive(sample, arrived_s):
                continue
            reading = timeline.place(sample, arrived_s, self._parser.info)
            if reading is not None:
                self._period_s = timeline.period_s(self._parser.info)
                yield reading
                health.resumed()
            else:
                health.not_fresh(arrived_s)


class _EndedError(MeterError):
    """The other side closed the connection."""

    def __init__(self, name: str, *, heard: bool) -> None:
        self.heard = heard
        super().__init__(
            f"{name}: it ended the connection in the middle; is it still switched on, and in reach?"
            if heard
            else f"{name}: busy: it closed the connection at once, as it does while another client is connected; "
            "close the other client (it has one place only), or restart the meter"
        )


class _Health:
    """How long since a connection's last reading, how much of what came was garbage, how long zero."""

    def __init__(self, name: str, began_s: float, limits: Limits, advice: str) -> None:
        self._name = name
        self._limits = limits
        self._advice = advice
        self._heard_s = began_s
        self._fresh_s = began_s + limits.settle_s
        self._zero_since_s: float | None = None
        self._zero_volts = 0.0
        self._other = ""
        self._good: deque[bool] = deque(maxlen=GARBAGE_LINES)
        self.heard = False

    def left_s(self) -> float:
        return self._heard_s + self._limits.silence_s - time.monotonic()

    def silence(self) -> MeterError:
        if self._other:
            what = f"no reading for {self._limits.silence_s:g} s, only such lines as {self._other!r}"
        else:
            what = f"silent for {self._limits.silence_s:g} s"
        return MeterError(f"{self._name}: {what}; {self._advice}")

    def resumed(self) -> None:
        """While the reader did something else, the meter was not silent."""
        self._heard_s = self._fresh_s = time.monotonic()

    def not_fresh(self, now_s: float) -> None:
        """Lines that come all the time, but never as they are made."""
        if now_s - self._fresh_s > self._limits.silence_s:
            raise MeterError(
                f"{self._name}: nothing fresh for {self._limits.silence_s:g} s, its lines come in bursts or repeat "
                "themselves; is the connection overloaded, or the meter faster than its kind?"
            )

    def noise(self, line: str) -> None:
        self._other = shown(line)

    def garbage(self, line: str, error: GarbageError) -> None:
        self.noise(line)
        self._good.append(False)
        bad = self._good.count(False)
        if bad >= GARBAGE_LEAST and bad > GARBAGE_SHARE * len(self._good):
            raise MeterError(
                f"{self._name}: {bad} of its last {len(self._good)} lines are no readings, "
                f"such as {shown(line)!r} ({error}); is this the right kind of meter, and the baud rate?"
            )

    def alive(self, sample: Sample, now_s: float) -> bool:
        """Whether the meter sees a board: not while it says zero, as a board that runs takes power."""
        self._heard_s = now_s
        self.heard = True
        self._good.append(True)
        if sample.watts > 0:
            self._zero_since_s = None
            return True
        if self._zero_since_s is None:
            self._zero_since_s = now_s
        if now_s - self._zero_since_s >= self._limits.zero_s:
            off = "its output is off" if not sample.volts > 0 else f"{sample.volts:.2f} V, but no current"
            raise MeterError(
                f"{self._name}: 0 W for {self._limits.zero_s:g} s: {off}; switch the output on, "
                "or look whether the board hangs on this meter, and the right way round"
            )
        return False


class _Lines:
    """Whole lines; the first, which may have begun before we listened, is left out, and of a long one its beginning."""

    def __init__(self, stream: Stream, limits: Limits) -> None:
        self._stream = stream
        self._most = limits.line_bytes
        self._ready: deque[tuple[float, str]] = deque()
        self._rest = bytearray()
        self._first = not limits.first_line

    async def next(self) -> tuple[float, str] | None:
        """The next line: when it came in, and what it says; None at the end."""
        while not self._ready:
            part = await self._stream.read()
            if not part:
                return None
            now_s = time.monotonic()
            *whole, rest = part.split(b"\n")
            for end in whole:
                line = (self._rest + end)[: self._most]
                self._rest.clear()
                if not self._first:
                    self._ready.append((now_s, line.decode("ascii", "replace").rstrip("\r")))
                self._first = False
            self._rest = (self._rest + rest)[: self._most]
        return self._ready.popleft()
