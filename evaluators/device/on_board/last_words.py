"""Last words: why the on-device program went without an answer, as far as its exit and its standard error tell."""

import signal
from typing import Protocol

from evaluators.device.on_board.fields import printable

# A traceback's last lines.
STDERR_BYTES = 4096
# What usually ends a program by this signal on a board.
HINTS = {
    "SIGKILL": "out of memory?",
    "SIGILL": "this build of the runtime does not fit the processor; try another version",
    "SIGSEGV": "the runtime crashed",
}


class Bytes(Protocol):
    """A stream to read from: asyncio's does, and the one over ssh."""

    async def read(self, n: int = -1) -> bytes: ...


async def tail(stream: Bytes) -> bytes:
    """The last bytes of a stream, however many came before."""
    end = b""
    while part := await stream.read(65536):
        end = (end + part)[-STDERR_BYTES:]
    return end


def last_line(output: bytes) -> str:
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return printable(lines[-1]) if lines else "it said nothing"


def ended_without_answer(device: str, status: int | None, complaints: bytes) -> str:
    """`status` as Python gives it: negative for a signal, None if it has not ended; and its standard error."""
    last = last_line(complaints)
    if status is None:
        return f"{device}: the on-device program closed its output without an answer ({last})"
    if status < 0:
        name = signal_name(-status)
        return f"{device}: the on-device program was ended by {name} ({HINTS.get(name, last)})"
    return f"{device}: the on-device program ended with status {status} and no answer ({last})"


def signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
