"""A meter's serial port. Opening it leaves DTR and RTS alone: on many boards a pulse there is a reset."""

import asyncio
import contextlib
import errno
import fcntl
import os
import stat
import termios
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from evaluators.errors import MeterError
from evaluators.power.stream import Opening, Stream
from space.errors import RequestError

# What this system's terminals can do.
BAUDS = {baud: getattr(termios, f"B{baud}") for baud in (
    9600, 19200, 38400, 57600, 115200, 230400, 460800, 500000, 921600, 1000000, 2000000
) if hasattr(termios, f"B{baud}")}  # fmt: skip


def speed(baud: float, url: str) -> int:
    if baud not in BAUDS:
        raise RequestError(f"meter {url}: baud={baud:g}; valid is {', '.join(map(str, BAUDS))}")
    return int(baud)


def serial_port(path: str, baud: int, name: str) -> Opening:
    """Eight bits, no parity, one stop bit, no flow control; what waited in the port before is dropped."""

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Stream, None]:
        port = _open(path, baud, name)
        bytes_in = asyncio.StreamReader()
        loop = asyncio.get_running_loop()
        transport, _ = await loop.connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(bytes_in), os.fdopen(port, "rb", buffering=0)
        )
        try:
            yield _Port(bytes_in, path, name)
        finally:
            transport.close()
            # The transport closes the file in its next turn.
            await asyncio.sleep(0)

    return opened


class _Port:
    def __init__(self, bytes_in: asyncio.StreamReader, path: str, name: str) -> None:
        self._bytes_in = bytes_in
        self._path = path
        self._name = name

    async def read(self) -> bytes:
        with contextlib.suppress(OSError):
            if part := await self._bytes_in.read(4096):
                return part
        raise MeterError(f"{self._name}: {self._path} is gone; look at the USB cable")


def _open(path: str, baud: int, name: str) -> int:
    port = -1
    try:
        port = os.open(path, os.O_RDONLY | os.O_NOCTTY | os.O_NONBLOCK)
        if not stat.S_ISCHR(os.fstat(port).st_mode):
            raise MeterError(f"{name}: {path} is no serial port; such are /dev/ttyUSB0, /dev/ttyACM0")
        fcntl.flock(port, fcntl.LOCK_EX | fcntl.LOCK_NB)
        _configure(port, baud)
    except (OSError, termios.error) as error:
        if port >= 0:
            os.close(port)
        raise MeterError(f"{name}: {_fault(error, path)}") from error
    except MeterError:
        os.close(port)
        raise
    return port


def _configure(port: int, baud: int) -> None:
    control = termios.tcgetattr(port)[6]
    control[termios.VMIN], control[termios.VTIME] = 1, 0
    # The kernel raises DTR and RTS when a port is opened. Without HUPCL it leaves them up when it is closed, so that
    # of all the openings at most the first after plugging in is a pulse; we ourselves touch neither.
    flags = termios.CS8 | termios.CREAD | termios.CLOCAL
    termios.tcsetattr(port, termios.TCSANOW, [0, 0, flags, 0, BAUDS[baud], BAUDS[baud], control])
    termios.tcflush(port, termios.TCIFLUSH)


def _fault(error: Exception, path: str) -> str:
    number = error.args[0] if error.args else None
    if number == errno.ENOENT:
        return f"there is no {path}; is the meter plugged in? ls /dev/ttyUSB* /dev/ttyACM*"
    if number in (errno.EACCES, errno.EPERM):
        return f"{path} may not be read by you; join its group: sudo usermod -aG dialout $USER, and log in again"
    if number in (errno.EAGAIN, errno.EBUSY):
        return f"{path} is in use by another program; close it"
    return f"{path} cannot be read as a serial port: {error}"
