"""Conversation: a program on the board while it runs, or a connection that the board makes for us, byte by byte."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import asyncssh

from evaluators.device.on_board.fields import LINE_BYTES
from evaluators.device.on_board.last_words import tail

LAST_WORDS_S = 0.2
PART_BYTES = 2**16


class Conversation:
    """A program on the board, while it runs: bytes to its input, lines and bytes from its output."""

    def __init__(self, process: "asyncssh.SSHClientProcess[bytes]", words: "Callable[[], Any]") -> None:
        self._process = process
        self._words = words
        self._buffer = bytearray()
        self.pid = 0
        self._complaints = asyncio.create_task(_complaints_of(process.stderr))

    @property
    def status(self) -> int | None:
        """The exit status; None while it runs, and when its end was lost with the connection."""
        status = self._process.returncode
        # How a shell tells of a program that a signal ended.
        return 128 - status if status is not None and 128 < status < 192 else status

    async def write(self, content: bytes) -> None:
        """A program that stops reading says why in its exit status."""
        with self._words(), suppress(BrokenPipeError):
            for start in range(0, len(content), PART_BYTES):
                self._process.stdin.write(content[start : start + PART_BYTES])
                # A drain alone does not wait before the window is full: a loss would not be noticed until then.
                await asyncio.sleep(0)
                await self._process.stdin.drain()

    def end_input(self) -> None:
        with suppress(OSError):
            self._process.stdin.write_eof()

    async def read(self) -> bytes:
        """Some bytes; none at the end."""
        if self._buffer:
            content = bytes(self._buffer)
            self._buffer.clear()
            return content
        with self._words():
            return await self._process.stdout.read(65536)

    async def readline(self) -> bytes:
        """A line; without its end if the output ended first. ValueError if it is longer than LINE_BYTES."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            if searched > LINE_BYTES:
                raise ValueError(f"more than {LINE_BYTES} bytes without a line's end")
            with self._words():
                part = await self._process.stdout.read(65536)
            if not part:
                return await self.read() if self._buffer else b""
            self._buffer += part
        line = bytes(self._buffer[: end + 1])
        del self._buffer[: end + 1]
        return line

    async def closed(self) -> None:
        """Waits until the program has ended, or the connection has."""
        with self._words():
            await self._process.wait_closed()

    async def last_words(self) -> bytes:
        """The last of what it said to its standard error, once it is closed; nothing from one that goes on."""
        await asyncio.wait([self._complaints], timeout=LAST_WORDS_S)
        return self._complaints.result() if self._complaints.done() else b""

    def drop(self) -> None:
        self._process.channel.abort()
        self._complaints.cancel()


class Tunnel:
    """A TCP connection that the board makes for us: bytes from whom it leads to."""

    def __init__(self, reader: "asyncssh.SSHReader[bytes]", words: "Callable[[], Any]") -> None:
        self._reader = reader
        self._words = words

    async def read(self) -> bytes:
        """Some bytes, as soon as there are any; none at the end."""
        with self._words():
            return await self._reader.read(4096)


async def _complaints_of(stream: "asyncssh.SSHReader[bytes]") -> bytes:
    with suppress(asyncssh.Error, OSError):
        return await tail(stream)
    return b""


async def ends_within(program: Conversation, limit_s: float) -> bool:
    try:
        async with asyncio.timeout(limit_s):
            await program.closed()
    except TimeoutError:
        return False
    return True
