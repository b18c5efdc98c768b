"""SshDevice: a board over ssh, such as a Raspberry Pi; the on-device program in a process of its own over there."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from evaluators.device.boards.cooling import cool_below_c
from evaluators.device.device import CourseTask, DeviceInfo, Guard, LoadTask, Progress, Task
from evaluators.device.devices import board_folder
from evaluators.device.devices.program_device import EXIT_S, Places, ProgramDevice
from evaluators.device.on_board.answers import SILENCE_S
from evaluators.device.on_board.application import program_file
from evaluators.device.on_board.fields import Fields
from evaluators.device.on_board.kept_files import KeptFiles
from evaluators.device.on_board.results import device_info
from evaluators.device.ssh.address import Address
from evaluators.device.ssh.conversation import Conversation
from evaluators.device.ssh.options import Login
from evaluators.device.ssh.shell import Shell
from evaluators.errors import DeviceError

# What the files of tasks may take of a board's card: some forty unpruned networks of 13 MB.
FILES_BYTES = 500_000_000
# The program hears from us four times in this, and ends itself if it does not.
GUARD = Guard(heartbeat_s=20.0)

# The files' time says when they were last used.
_TOUCH_AND_RUN = 'touch -c "$1" "$2"; shift 2; exec "$@"'


@dataclass(frozen=True, slots=True)
class _Board:
    """What is known of the board as long as a connection lasts."""

    shell: Shell
    folder: str
    kept_files: KeptFiles
    # The environment, Python and the program.
    command: tuple[str, ...]
    boot_id: str


class SshDevice(ProgramDevice):
    """A fresh process per task. The connection is kept between tasks, and after a fault of the device made anew."""

    def __init__(
        self,
        address: Address,
        *,
        login: Login | None = None,
        program: Path | None = None,
        environment: Mapping[str, str] | None = None,
        silence_s: float = SILENCE_S,
        files_bytes: int = FILES_BYTES,
        guard: Guard = GUARD,
    ) -> None:
        remedy = f"python -m search devices prepare {address} --course"
        super().__init__(str(address), guard=guard, silence_s=silence_s, reads_png_by=remedy)
        self._address = address
        self._login = login or Login()
        self._program = program
        self._environment = dict(environment or {})
        self._files_bytes = files_bytes
        self._board: _Board | None = None

    async def _enter(self) -> None:
        async with self._one_at_a_time:
            await self._connected()

    async def _leave(self) -> None:
        await self._disconnect()

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None]:
        async with self._one_at_a_time:
            await self._connected()
            try:
                yield
            except DeviceError:
                # Whatever it was, the next run starts from what is really there.
                await self._disconnect()
                raise

    @property
    def _guard_here(self) -> Guard:
        """The guard, with the temperature that this kind of board has to be cooled down to."""
        if self._guard.cool_below_c is not None:
            return self._guard
        return replace(self._guard, cool_below_c=cool_below_c(self.info.model))

    # --- the connection

    async def _connected(self) -> None:
        """The board, known: the connection there is, or a new one."""
        if self._board is not None and not self._board.shell.lost:
            return
        await self._disconnect()
        shell = await Shell.open(self._address, self._login)
        try:
            self._board = await self._looked_at(shell)
            info = await self._describe()
            _check_same(self._address, self._info, info)
        except BaseException:
            self._board = None
            await shell.close()
            raise
        self._info = info

    async def _disconnect(self) -> None:
        board, self._board = self._board, None
        if board is not None:
            await board.shell.close()

    async def _looked_at(self, shell: Shell) -> _Board:
        """The board's folder, with the program in it."""
        folder = await board_folder.look(self._address, shell)
        program = await board_folder.program_placed(shell, folder, self._program or program_file())
        files = {name: size for name, size in folder.sizes.items() if name.startswith("files/")}
        variables = {"HOME": folder.home, "PATH": folder.path, "LANG": "C.UTF-8", **self._environment}
        clean = ("env", "-i", *(f"{name}={value}" for name, value in variables.items()))
        kept_files = KeptFiles(self._files_bytes, files)
        return _Board(shell, folder.folder, kept_files, (*clean, folder.python, program), folder.boot_id)

    def _described(self, message: dict[str, object]) -> DeviceInfo:
        boot_id = self._here.boot_id
        info = device_info(
            message,
            pool=Fields(message).text("model"),
            on_this_machine=boot_id != "" and boot_id == _own_boot_id(),
        )
        board_folder.check_bits(self._address, str(info.bits), info.machine)
        return info

    @property
    def _here(self) -> _Board:
        assert self._board is not None
        return self._board

    # --- the files of a task

    async def _placed(
        self, task: Task | LoadTask | CourseTask, progress: Progress | None, *, afresh: bool = False
    ) -> Places:
        """What the board has is not sent again."""
        board, files = self._here, {}
        for path in (task.model, task.images):
            digest, size = await asyncio.to_thread(board_folder.identity, path)
            files[f"files/{digest}{path.suffix}"] = (path, digest, size)
        for name, (path, digest, size) in files.items():
            if afresh or not board.kept_files.holds(name, size):
                if progress is not None:
                    progress(f"sending {path.name}", 0.0)
                await _make_room(board, size, keep=files)
                await board.shell.upload(path, f"{board.folder}/{name}", digest)
            board.kept_files.use(name, size)
        return Places(*(f"{board.folder}/{name}" for name in files))

    # --- the program

    @contextlib.asynccontextmanager
    async def _started(self, places: Places | None) -> "AsyncGenerator[_Program]":
        board = self._here
        touch = () if places is None else ("sh", "-c", _TOUCH_AND_RUN, "sh", places.model, places.images)
        async with (
            board.shell.start(*touch, *board.command) as conversation,
            _heartbeats(conversation, self._guard),
        ):
            yield _Program(self.name, board.shell, conversation)


class _Program:
    def __init__(self, device: str, shell: Shell, conversation: Conversation) -> None:
        self._device = device
        self._shell = shell
        self._conversation = conversation

    async def write(self, content: bytes) -> None:
        await self._conversation.write(content)

    async def readline(self) -> bytes:
        return await self._conversation.readline()

    async def end(self) -> tuple[int | None, bytes]:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EXIT_S):
                await self._conversation.closed()
        if self._conversation.status is None and self._shell.lost:
            raise DeviceError(f"{self._device}: connection lost")
        return self._conversation.status, await self._conversation.last_words()


async def _make_room(board: _Board, size: int, keep: Mapping[str, object]) -> None:
    removed = board.kept_files.clear_for(size, keep)
    if removed:
        await board.shell.run("rm", "-f", *(f"{board.folder}/{name}" for name in removed))


@contextlib.asynccontextmanager
async def _heartbeats(conversation: Conversation, guard: Guard) -> AsyncGenerator[None]:
    """While heartbeats come, somebody is there to read the answer, also where a dead connection looks alive."""
    beating = asyncio.create_task(_beat(conversation, guard.heartbeat_s))
    try:
        yield
    finally:
        beating.cancel()
        await asyncio.wait([beating])


async def _beat(conversation: Conversation, heartbeat_s: float | None) -> None:
    # A connection that is lost is noticed by who reads the answer.
    with contextlib.suppress(DeviceError):
        while heartbeat_s is not None:
            await asyncio.sleep(heartbeat_s / 4)
            await conversation.write(b"\n")


def _own_boot_id() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def _check_same(address: Address, before: DeviceInfo | None, now: DeviceInfo) -> None:
    """After a reconnection: figures of another board, or another runtime, must not be taken for this one's."""
    if before is None:
        return
    for name in ("serial", "model", "runtime", "runtimes", "system", "governor", "cores"):
        old, new = getattr(before, name), getattr(now, name)
        if old != new:
            raise DeviceError(
                f"{address}: after reconnecting, {name} is {new!r}, before it was {old!r}; start the search again"
            )
