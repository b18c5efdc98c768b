"""Stream: where a meter's bytes come from: a connection, a serial port, a program; here or through the board."""

from collections.abc import AsyncGenerator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

from evaluators.errors import DeviceError, MeterError
from space.errors import RequestError


class Stream(Protocol):
    async def read(self) -> bytes:
        """Some bytes, as soon as there are any; none at the end."""
        ...


class BoardProgram(Stream, Protocol):
    """What runs on the board."""

    async def closed(self) -> None: ...

    async def last_words(self) -> bytes: ...


class BoardShell(Protocol):
    """What a meter behind the board needs of it, as evaluators.device.ssh.shell.Shell; its faults are DeviceErrors."""

    def open_connection(self, host: str, port: int) -> AbstractAsyncContextManager[Stream]: ...

    def start(self, *command: str) -> AbstractAsyncContextManager[BoardProgram]: ...


# Opens a stream, for as long as one reads from it.
Opening = Callable[[], AbstractAsyncContextManager[Stream]]
# The board, for as long as one reads through it: a connection of its own, or one that is shared.
Board = Callable[[], AbstractAsyncContextManager[BoardShell]]


def needed(board: Board | None, url: str) -> Board:
    if board is None:
        raise RequestError(f"meter {url} is read through the board, but no board over ssh is given; name it: --device")
    return board


def through_board(board: Board, host: str, port: int, name: str) -> Opening:
    """A connection that the board makes, into a network where this machine is not."""

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Stream, None]:
        try:
            async with board() as shell, shell.open_connection(host, port) as stream:
                yield stream
        except DeviceError as error:
            raise MeterError(f"{name}: through the board: {error}") from error

    return opened


def on_board(board: Board, command: tuple[str, ...], name: str) -> Opening:
    """A program on the board; it is killed once nobody reads it."""

    @asynccontextmanager
    async def opened() -> AsyncGenerator[Stream, None]:
        try:
            async with board() as shell, shell.start(*command) as program:
                yield _Ending(program, name)
        except DeviceError as error:
            raise MeterError(f"{name}: on the board: {error}") from error

    return opened


class _Ending:
    """A program of ours on the board does not end by itself."""

    def __init__(self, program: BoardProgram, name: str) -> None:
        self._program = program
        self._name = name

    async def read(self) -> bytes:
        part = await self._program.read()
        if not part:
            await self._program.closed()
            raise MeterError(f"{self._name}: its reader on the board ended ({words(await self._program.last_words())})")
        return part


def words(output: bytes) -> str:
    """The last line of what somebody else wrote, fit to be shown."""
    lines = output.decode("utf-8", "replace").strip().splitlines()
    return shown(lines[-1]) if lines else "it said nothing"


def shown(line: str) -> str:
    short = line if len(line) <= 60 else line[:60] + "..."
    return "".join(letter if letter.isprintable() else "?" for letter in short)
