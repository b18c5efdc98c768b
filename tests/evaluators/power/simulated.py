"""Simulated meters: they speak the real protocols over real sockets and pseudo-terminals.

A script is what one connection says: bytes are sent, numbers are seconds to wait, END closes. Past its end the
connection stays open and silent.
"""

import asyncio
import contextlib
import fcntl
import os
import pty
import termios
import time
import tty
from array import array
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
# Seconds until a script's bytes are handed over, at most; a port that is full takes nothing more.
HANDED_OVER_S = 0.2
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
    """Lines whose clock is the machine's, since another moment."""
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
    """Plays the script; whether the connection is to be closed at the end."""
    for step in script:
        if isinstance(step, bytes):
            write(step)
        elif isinstance(step, (int, float)):
            await asyncio.sleep(step)
        else:
            return True
    return False


class SmartPower2:
    """A meter of one client at a time; to the others it closes at once. The last script is that of all further
    connections."""

    def __init__(self, *scripts: Callable[[], Script]) -> None:
        self._scripts = list(scripts)
        self._busy = False
        self.connections = 0
        # How long it takes to notice that its client left.
        self.notices_s = 0.0
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
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.over.wait(), self.notices_s)
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
        # A moment, until what is connected has been told.
        await asyncio.sleep(0.02)


def _waiting(port: int) -> int:
    """Bytes that can be read there."""
    count = array("i", [0])
    fcntl.ioctl(port, termios.FIONREAD, count)
    return count[0]


@asynccontextmanager
async def serial_meter(script: Callable[[], Script]) -> AsyncGenerator[Path, None]:
    """The path of a port on which somebody says the script, over and over where it is read again."""
    ours, theirs = pty.openpty()
    tty.setraw(theirs)
    os.set_blocking(ours, False)

    def write(part: bytes) -> None:
        if not part:
            return
        before = _waiting(theirs)
        # A port that nobody reads loses what comes in.
        with contextlib.suppress(BlockingIOError):
            os.write(ours, part)
        # The kernel hands it over when it likes, and time of a test's own would pass meanwhile.
        end = time.perf_counter() + HANDED_OVER_S
        while _waiting(theirs) == before and time.perf_counter() < end:
            time.sleep(0)

    playing = asyncio.create_task(play(script(), write))
    try:
        yield Path(os.ttyname(theirs))
    finally:
        playing.cancel()
        await asyncio.wait({playing})
        os.close(ours)
        with contextlib.suppress(OSError):
            os.close(theirs)


def boot_banner() -> Script:
    """A SmartPower2, and what its web server says."""
    for seconds in (b"4", b"3", b"2", b"1"):
        yield b"[SETUP] BOOT WAIT " + seconds + b"...\n\r"
    yield b"\r\n##############################\r\nSmartPower2 v1.6 (Serial Interface)\r\n"
    yield b"FS File: /index.html.gz, size: 5.12KB\n\r\n\rConnected! IP address: 192.168.4.1\r\nHTTP server started\r\n"


def sp3_line(ms: int, *channels: tuple[int, int, int, int], checksum: int = 0) -> bytes:
    """A line as hardkernel/smartpower3 prints it: mV, mA, mW and on for each channel; sums as in logTask, byte by
    byte."""
    text = f"{ms:010d},15247,0293,04467,0,"
    for millivolts, milliamps, milliwatts, on in channels:
        text += f"{millivolts:05d},{milliamps:04d},{milliwatts:05d},{on},00,"
    total, mixed = 0, 0
    for byte in text.encode():
        total = (total + byte) % 256
        mixed ^= byte
    return f"{text}{((total ^ 255) + 1 + checksum) % 256:02x},{mixed:02x}\r\n".encode()


def sp3_forever(channel: int = 0, period_s: float = 0.01) -> Script:
    begin = asyncio.get_running_loop().time() - 1000
    # Mid-line, as a port is when one begins to listen.
    yield b"0,00,00000,0000,00000,0,00,5c,3f\r\n"
    while True:
        ms = int((asyncio.get_running_loop().time() - begin) * 1e3)
        milliamps = 684 + ms % 3
        used, unused = (5000, milliamps, 5 * milliamps, 1), (9000, 100, 900, 1)
        yield sp3_line(ms, *((used, unused) if channel == 0 else (unused, used)))
        yield period_s


def getcurrent(bus_v: float, shunt_mv: float, milliamps: float) -> bytes:
    """The lines of Adafruit_INA219/examples/getcurrent."""
    return (
        f"Bus Voltage:   {bus_v:.2f} V\r\nShunt Voltage: {shunt_mv:.2f} mV\r\n"
        f"Load Voltage:  {bus_v + shunt_mv / 1e3:.2f} V\r\nCurrent:       {milliamps:.2f} mA\r\n"
        f"Power:         {bus_v * milliamps:.2f} mW\r\n\r\n"
    ).encode()


def getcurrent_forever() -> Script:
    yield b"Hello!\r\nMeasuring voltage, current and power with INA219 ...\r\n"
    yield from forever(getcurrent(4.93, 68.4, 684 + number % 3) for number in count())


def pmic_read_adc(rails: dict[str, tuple[float, float]]) -> str:
    """`vcgencmd pmic_read_adc` on a Pi 5: 26 lines, numbers neither consecutive nor in order."""
    numbers = [*range(7), 7, 17, 18, 16, 22]
    lines = [
        f"{rail + '_A':>12} current({n})={amps:.8f}A"
        for n, (rail, (_, amps)) in zip(numbers, rails.items(), strict=True)
    ]
    lines += [f"{rail + '_V':>12} volt({n + 8})={volts:.8f}V" for n, (rail, (volts, _)) in enumerate(rails.items())]
    return "\n".join([*lines, "     EXT5V_V volt(24)=5.06788000V", "      BATT_V volt(25)=3.01110800V"])
