"""A meter's TCP connection, from here."""

import asyncio
import errno
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

from evaluators.errors import MeterError
from evaluators.power.stream import Opening, Stream

CONNECT_S = 5.0
ADVICE = " else ?via=board"


def tcp(host: str, port: int, name: str) -> Opening:
    @asynccontextmanager
    async def opened() -> AsyncGenerator[Stream, None]:
        try:
            async with asyncio.timeout(CONNECT_S):
                reader, writer = await asyncio.open_connection(host, port)
        except OSError as error:
            raise MeterError(f"{name}: {fault(error, port, ADVICE)}") from error
        try:
            yield _Connection(reader)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()

    return opened


class _Connection:
    """A connection that was reset has ended, too."""

    def __init__(self, reader: asyncio.StreamReader) -> None:
        self._reader = reader

    async def read(self) -> bytes:
        try:
            return await self._reader.read(4096)
        except OSError:
            return b""


def fault(error: OSError, port: int, advice: str = "") -> str:
    """What the person can do about it."""
    if isinstance(error, TimeoutError):
        return f"no answer within {CONNECT_S:g} s; is it switched on, and is this machine in its network?"
    if isinstance(error, socket.gaierror):
        return "no machine of this name is known here; check the name, or use its IP address"
    if isinstance(error, ConnectionResetError):
        return "busy: it closed the connection without an answer; is another client connected, or does it restart?"
    if error.errno == errno.ECONNREFUSED:
        return f"connection refused: the machine is there, but no meter at port {port}; check address and port"
    return f"unreachable ({error.strerror or error}); is this machine in the meter's network?{advice}"
