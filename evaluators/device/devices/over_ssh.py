"""SshDevice: a board over ssh, such as a Raspberry Pi; the on-device program in a process of its own over there."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from evaluators.device.boards.cooling import cool_below_c
from evaluators.device.device import (
    CourseRun,
    CourseTask,
    DeviceInfo,
    Guard,
    LoadRun,
    LoadTask,
    Ping,
    ProcessRun,
    Progress,
    Task,
)
from evaluators.device.on_board import protocol
from evaluators.device.on_board.last_words import epitaph, last_line
from evaluators.device.on_board.shelf import Shelf
from evaluators.device.ssh.address import Address
from evaluators.device.ssh.shell import Conversation, Login, Shell
from evaluators.errors import DeviceError
from space.files import sha256

FOLDER = ".ondevice-search"
FILES_BYTES = 500_000_000
# The program hears from us four times in this, and ends itself if it does not.
GUARD = Guard(heartbeat_s=20.0)
# Between closing its output and its exit.
EXIT_S = 2.0

# One round trip for all there is to know. Python starts as it will for a measurement, in a clean environment.
_PROBE = f"""
LC_ALL=C; export LC_ALL; umask 077; dir="$HOME/{FOLDER}"
echo "bits=$(getconf LONG_BIT 2>/dev/null)"
echo "machine=$(uname -m)"
echo "home=$HOME"
echo "path=$PATH"
echo "boot=$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)"
mkdir -p "$dir/program" "$dir/files" && chmod 700 "$dir" || exit 1
if [ -x "$dir/venv/bin/python" ]; then echo "python=$dir/venv/bin/python"
elif env -i "HOME=$HOME" "PATH=$PATH" python3 -c "import numpy, onnxruntime" >/dev/null 2>&1; then echo python=python3
fi
cd "$dir" || exit 1
find program files -name '*.part*' -mmin +60 -exec rm -f {{}} +
ls -dtr program/* files/* 2>/dev/null | xargs stat -c 'file=%s %n' 2>/dev/null
exit 0
"""
# Their last use is what the files' time says.
_TOUCH_AND_RUN = 'touch -c "$1" "$2"; shift 2; exec "$@"'


@dataclass(frozen=True, slots=True)
class _Board:
    """What is known of the board as long as a connection lasts."""

    shell: Shell
    folder: str
    shelf: Shelf
    # The environment, Python and the program.
    command: tuple[str, ...]
    boot_id: str


class SshDevice:
    """A fresh process per task. The connection is kept between tasks, and after a fault of the device made anew."""

    def __init__(
        self,
        address: Address,
        *,
        login: Login | None = None,
        program: Path = protocol.PROGRAM,
        environment: Mapping[str, str] | None = None,
        silence_s: float = protocol.SILENCE_S,
        files_bytes: int = FILES_BYTES,
        guard: Guard = GUARD,
    ) -> None:
        self._address = address
        self._login = login or Login()
        self._program = program
        self._environment = dict(environment or {})
        self._silence_s = silence_s
        self._files_bytes = files_bytes
        self._guard = guard
        self._board: _Board | None = None
        self._info: DeviceInfo | None = None
        self._one_at_a_time = asyncio.Lock()

    async def __aenter__(self) -> Self:
        async with self._one_at_a_time:
            await self._connected()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._disconnect()
        self._info = None

    @property
    def info(self) -> DeviceInfo:
        if self._info is None:
            raise RuntimeError("the device is known once entered: async with SshDevice(address) as device")
        return self._info

    async def run(self, task: Task, progress: Progress | None = None) -> ProcessRun:
        async with self._turn() as board:
            model, images = await self._placed(board, task, progress, afresh=task.afresh)
            request = protocol.measure_request(task, model=model, images=images, guard=self._guard_here)
            limit_s = protocol.answer_limit_s(task, self._guard_here)
            message = await self._ask_about(board, model, images, request, task, progress, limit_s)
            with protocol.held_together(str(self._address), task.model.name):
                run = protocol.process_run(message)
                protocol.check_answers(task, run)
                return run

    async def load(self, task: LoadTask, progress: Progress | None = None) -> LoadRun:
        async with self._turn() as board:
            model, images = await self._placed(board, task, progress)
            request = protocol.load_request(task, model=model, images=images, guard=self._guard_here)
            limit_s = protocol.load_limit_s(task, self._guard_here)
            pings: list[Ping] = []
            message = await self._ask_about(board, model, images, request, task, progress, limit_s, pings)
            with protocol.held_together(str(self._address), task.model.name):
                return protocol.load_run(message, pings)

    def check_course(self) -> None:
        device = str(self._address)
        protocol.check_reads_png(self.info, device=device, then=f"python -m search devices prepare {device} --course")

    async def course(self, task: CourseTask, progress: Progress | None = None) -> CourseRun:
        self.check_course()
        async with self._turn() as board:
            model, images = await self._placed(board, task, progress)
            request = protocol.course_request(task, model=model, images=images, guard=self._guard_here)
            limit_s = protocol.course_limit_s(task, self._guard_here)
            pings: list[Ping] = []
            message = await self._ask_about(board, model, images, request, task, progress, limit_s, pings)
            with protocol.held_together(str(self._address), task.model.name):
                return protocol.course_run(message, task, pings)

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncGenerator[_Board]:
        async with self._one_at_a_time:
            board = await self._connected()
            try:
                yield board
            except DeviceError:
                # Whatever it was, the next run starts from what is really there.
                await self._disconnect()
                raise

    @property
    def _guard_here(self) -> Guard:
        """Cooled down as this kind of board has to be."""
        if self._guard.cool_below_c is not None:
            return self._guard
        return replace(self._guard, cool_below_c=cool_below_c(self.info.model))

    # --- the connection

    async def _connected(self) -> _Board:
        """The board, known: the connection there is, or a new one."""
        if self._board is not None and not self._board.shell.lost:
            return self._board
        await self._disconnect()
        shell = await Shell.open(self._address, self._login)
        try:
            board = await self._probed(shell)
            info = await self._described(board)
            _check_same(self._address, self._info, info)
        except BaseException:
            await shell.close()
            raise
        self._board, self._info = board, info
        return board

    async def _disconnect(self) -> None:
        board, self._board = self._board, None
        if board is not None:
            await board.shell.close()

    async def _probed(self, shell: Shell) -> _Board:
        """The board's folder, with the program in it."""
        done = await shell.run("sh", "-c", _PROBE, limit_s=protocol.START_S)
        said: dict[str, str] = {}
        sizes: dict[str, int] = {}
        for line in done.stdout.decode("utf-8", "replace").splitlines():
            name, _, value = line.partition("=")
            size, _, file = value.partition(" ")
            if name == "file" and size.isdigit():
                sizes[file] = int(size)
            else:
                said[name] = value
        machine = protocol.printable(said.get("machine", ""))
        check_bits(self._address, said.get("bits") or ("64" if "64" in machine else "32"), machine)
        if done.status != 0:
            raise DeviceError(f"{self._address}: ~/{FOLDER} cannot be made: {last_line(done.stderr)}")
        home, path, python = said.get("home", ""), said.get("path", ""), said.get("python", "")
        if not home.startswith("/") or not path:
            raise DeviceError(f"{self._address}: HOME {protocol.printable(home)!r} is no folder; log in there and look")
        if not python:
            raise DeviceError(
                f"{self._address}: no Python there has NumPy and ONNX Runtime; "
                f"next: python -m search devices prepare {self._address}"
            )
        folder = f"{home}/{FOLDER}"
        program = await self._program_placed(shell, folder, sizes)
        files = {name: size for name, size in sizes.items() if name.startswith("files/")}
        variables = {"HOME": home, "PATH": path, "LANG": "C.UTF-8", **self._environment}
        clean = ("env", "-i", *(f"{name}={value}" for name, value in variables.items()))
        shelf = Shelf(self._files_bytes, files)
        return _Board(shell, folder, shelf, (*clean, python, program), said.get("boot", ""))

    async def _program_placed(self, shell: Shell, folder: str, sizes: Mapping[str, int]) -> str:
        sha256, size = _identity(self._program)
        name = f"program/{sha256}.py"
        if sizes.get(name) != size:
            await shell.upload(self._program, f"{folder}/{name}", sha256)
        return f"{folder}/{name}"

    async def _described(self, board: _Board) -> DeviceInfo:
        message = await self._ask(
            board.command,
            board.shell,
            protocol.describe_request(),
            model="",
            progress=None,
            limit_s=protocol.START_S,
        )
        try:
            info = protocol.device_info(
                message,
                pool=protocol.Fields(message).text("model"),
                on_this_machine=board.boot_id != "" and board.boot_id == _own_boot_id(),
            )
        except protocol.GarbledError as error:
            raise DeviceError(
                f"{self._address}: the on-device program does not describe the device: {error}"
            ) from error
        check_bits(self._address, str(info.bits), info.machine)
        return info

    # --- the files of a task

    async def _placed(
        self, board: _Board, task: Task | LoadTask | CourseTask, progress: Progress | None, *, afresh: bool = False
    ) -> tuple[str, str]:
        """The paths of the model and the images over there; what the board has is not sent again."""
        files = {}
        for path, ending in ((task.model, ".onnx"), (task.images, task.images.suffix)):
            sha256, size = await asyncio.to_thread(_identity, path)
            files[f"files/{sha256}{ending}"] = (path, sha256, size)
        for name, (path, sha256, size) in files.items():
            if afresh or not board.shelf.holds(name, size):
                if progress is not None:
                    progress(f"sending {path.name}", 0.0)
                await self._make_room(board, size, keep=files)
                await board.shell.upload(path, f"{board.folder}/{name}", sha256)
            board.shelf.use(name, size)
        model, images = (f"{board.folder}/{name}" for name in files)
        return model, images

    async def _make_room(self, board: _Board, size: int, keep: Mapping[str, object]) -> None:
        gone = board.shelf.clear_for(size, keep)
        if gone:
            await board.shell.run("rm", "-f", *(f"{board.folder}/{name}" for name in gone))

    # --- the program

    async def _ask_about(
        self,
        board: _Board,
        model: str,
        images: str,
        request: bytes,
        task: Task | LoadTask | CourseTask,
        progress: Progress | None,
        limit_s: float | None,
        pings: list[Ping] | None = None,
    ) -> dict[str, object]:
        """The program's answer about a model and images that are there."""
        return await self._ask(
            (*("sh", "-c", _TOUCH_AND_RUN, "sh", model, images), *board.command),
            board.shell,
            request,
            model=task.model.name,
            progress=progress,
            limit_s=limit_s,
            pings=pings,
        )

    async def _ask(
        self,
        command: tuple[str, ...],
        shell: Shell,
        request: bytes,
        *,
        model: str,
        progress: Progress | None,
        limit_s: float | None,
        pings: list[Ping] | None = None,
    ) -> dict[str, object]:
        device = str(self._address)
        async with shell.start(*command) as program:
            await program.write(request)
            async with _heartbeats(program, self._guard):
                message = await protocol.answer(
                    program,
                    device=device,
                    model=model,
                    progress=progress,
                    limit_s=limit_s,
                    silence_s=self._silence_s,
                    pinger=None if pings is None else protocol.Pinger(program.write, pings),
                )
            if message is None:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(EXIT_S):
                        await program.closed()
                if program.status is None and shell.lost:
                    raise DeviceError(f"{device}: connection lost")
                raise DeviceError(epitaph(device, program.status, await program.last_words()))
            return message


def check_bits(address: Address, bits: str, machine: str) -> None:
    """Of the system's programs: a 64-bit kernel may have 32-bit ones."""
    if bits != "64":
        raise DeviceError(
            f"{address}: its system is {protocol.printable(bits)}-bit (kernel {machine}), for which there is "
            "no ONNX Runtime; install the 64-bit Raspberry Pi OS"
        )


@contextlib.asynccontextmanager
async def _heartbeats(program: Conversation, guard: Guard) -> AsyncGenerator[None]:
    """As long as these come, somebody is there to read the answer, also where a dead connection looks alive."""
    beating = asyncio.create_task(_beat(program, guard.heartbeat_s))
    try:
        yield
    finally:
        beating.cancel()
        await asyncio.wait([beating])


async def _beat(program: Conversation, heartbeat_s: float | None) -> None:
    # A connection that is lost is noticed by who reads the answer.
    with contextlib.suppress(DeviceError):
        while heartbeat_s is not None:
            await asyncio.sleep(heartbeat_s / 4)
            await program.write(b"\n")


def _identity(path: Path) -> tuple[str, int]:
    """sha256 and size. A local file that is not there is, as on this machine, no fault of the recipe."""
    try:
        status = path.stat()
        return _sha256(path.resolve(), status.st_size, status.st_mtime_ns), status.st_size
    except OSError as error:
        raise DeviceError(f"{path} cannot be read: {error.strerror}") from error


@functools.lru_cache(maxsize=64)
def _sha256(path: Path, size: int, mtime_ns: int) -> str:
    return sha256(path)


def _own_boot_id() -> str:
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return ""


def _check_same(address: Address, before: DeviceInfo | None, now: DeviceInfo) -> None:
    """After a reconnection: figures of another board, or another runtime, must not be taken for this one's."""
    if before is None:
        return
    for name in ("serial", "model", "runtime", "system", "governor", "cores"):
        old, new = getattr(before, name), getattr(now, name)
        if old != new:
            raise DeviceError(
                f"{address}: after reconnecting, {name} is {new!r}, before it was {old!r}; start the search again"
            )
