"""Simulated meters: they speak the real protocols over real sockets and pseudo-terminals.

A script is what one connection says: bytes are sent, numbers are seconds to wait, END closes. Past its end the
connection stays open and silent.
"""

import asyncio
import contextlib
import os
import pty
import tty
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager
from itertools import count
from pathlib import Path

from evaluators.power.lines import Limits

END = object()
Script = Iterable[bytes | float | object]

VOLTS, AMPS = 5.0, 0.684
# Twenty times as fast as the stock firmware.
PERIOD_S = 0.05
LIMITS = Limits(silence_s=1.0, zero_s=0.3, settle_s=0.1, reconnect_s=1.0)


def stock(volts: float = VOLTS, amps: float = AMPS) -> bytes:
    return b"%.3f,%.3f,%.3f,0.000\r\n" % (volts, amps, volts * amps)


def of_2016(volts: float = VOLTS, amps: float = AMPS) -> bytes:
    return b"%.2f,%.2f,%.3f,0.000\r\n" % (volts, amps, volts * amps)


def wobbling(line: Callable[[float, float], bytes]) -> Iterator[bytes]:
    """No two lines the same, as from a real board."""
    for number in count():
        yield line(VOLTS, AMPS + 0.001 * (number % 3))


def forever(lines: Iterable[bytes], period_s: float = PERIOD_S) -> Script:
    for line in lines:
        yield line
        yield period_s


def stock_forever(period_s: float = PERIOD_S) -> Script:
    return forever(wobbling(stock), period_s)


def slim_forever(period_s: float = 0.005, line: str = "{} {:.4f} {:.4f}\r\n") -> Script:
    """Its clock is the machine's, since another moment."""
    begin = asyncio.get_running_loop().time() - 1000
    while True:
        now_ms = int((asyncio.get_running_loop().time() - begin) * 1e3)
        yield line.format(now_ms, VOLTS, AMPS + 0.0001 * (now_ms % 7)).encode()
        yield period_s


def jmeasure_forever() -> Script:
    """Says each figure many times."""
    begin = asyncio.get_running_loop().time() - 1000
    while True:
        now_s = asyncio.get_running_loop().time() - begin
        watts = VOLTS * AMPS + 0.001 * (int(now_s / PERIOD_S) % 7)
        yield f"LOG: {now_s:.6f} {watts:.8f}\r\n".encode()
        yield 0.002


async def play(script: Script, write: Callable[[bytes], object]) -> bool:
    """Whether it is to be closed at the end."""
    for step in script:
        if isinstance(step, bytes):
            write(step)
        elif isinstance(step, (int, float)):
            await asyncio.sleep(step)
        else:
            return True
    return False


class SmartPower2:
    """One client at a time; to the others it closes at once. The last script is that of all further connections."""

    def __init__(self, *scripts: Callable[[], Script]) -> None:
        self._scripts = list(scripts)
        self._busy = False
        self.connections = 0
        self.port = 0
        self.over = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._busy:
            writer.close()
            return
        self._busy = True
        script = self._scripts[min(self.connections, len(self._scripts) - 1)]
        self.connections += 1
        playing = asyncio.create_task(play(script(), writer.write))
        waiting = {playing, asyncio.create_task(reader.read()), asyncio.create_task(self.over.wait())}
        pending = waiting
        while not (done := waiting - pending) or (done == {playing} and not playing.result()):
            _, pending = await asyncio.wait(pending, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        self._busy = False
        writer.transport.abort() if self.over.is_set() else writer.close()


@asynccontextmanager
async def smartpower2(*scripts: Callable[[], Script]) -> AsyncGenerator[SmartPower2, None]:
    meter = SmartPower2(*scripts)
    server = await asyncio.start_server(meter.serve, "127.0.0.1", 0)
    meter.port = server.sockets[0].getsockname()[1]
    try:
        yield meter
    finally:
        server.close()
        meter.over.set()
        # Until what is connected has been told.
        await asyncio.sleep(0.02)


@asynccontextmanager
async def serial_meter(script: Callable[[], Script]) -> AsyncGenerator[Path, None]:
    """The path of a port on which somebody says the script, over and over where it is read again."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    os.set_blocking(ours, False)

    def write(part: bytes) -> None:
        # A port that nobody reads loses what comes in.
        with contextlib.suppress(BlockingIOError):
            os.write(ours, part)

    playing = asyncio.create_task(play(script(), write))
    try:
        yield Path(os.ttyname(theirs))
    finally:
        playing.cancel()
        await asyncio.wait({playing})
        os.close(ours)
        with contextlib.suppress(OSError):
            os.close(theirs)
