"""LocalDevice: this machine as the device, the on-device program in a process of its own."""

import asyncio
import contextlib
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from pathlib import Path

from evaluators.device.device import LOCK, CourseTask, DeviceInfo, Guard, LoadTask, Progress, Task
from evaluators.device.devices.program_device import EXIT_S, Places, ProgramDevice
from evaluators.device.on_board.answers import SILENCE_S
from evaluators.device.on_board.application import program_file
from evaluators.device.on_board.fields import LINE_BYTES
from evaluators.device.on_board.last_words import tail
from evaluators.device.on_board.results import device_info
from evaluators.errors import DeviceError

NAME = "this machine"

# What the program may know of our environment. Above all not OMP_NUM_THREADS and its like: threads are the recipe's.
KEPT_ENVIRONMENT = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
    *("PYTHONPATH", "PYTHONHOME", "PYTHONNOUSERSITE", "VIRTUAL_ENV", "SEARCH_SYSROOT"),
)


class LocalDevice(ProgramDevice):
    """A fresh process per task, in a session of its own, so that Ctrl-C reaches us first; none outlives its task."""

    def __init__(
        self,
        *,
        python: str = sys.executable,
        program: Path | None = None,
        silence_s: float = SILENCE_S,
        lock: str = LOCK,
    ) -> None:
        # Two searches on one machine take turns. No heartbeat: a pipe closes with whoever held its other end.
        guard = Guard(lock=lock)
        super().__init__(
            NAME, guard=guard, silence_s=silence_s, reads_png_by="pip install pillow (it comes with torchvision)"
        )
        self._command = (python, str(program or program_file()))

    async def _enter(self) -> None:
        self._info = await self._describe()

    async def _leave(self) -> None:
        """Nothing is held between tasks."""

    def _described(self, message: dict[str, object]) -> DeviceInfo:
        return device_info(message, pool=NAME, on_this_machine=True)

    async def _placed(
        self, task: Task | LoadTask | CourseTask, progress: Progress | None, *, afresh: bool = False
    ) -> Places:
        return Places(str(task.model.resolve()), str(task.images.resolve()))

    @contextlib.asynccontextmanager
    async def _started(self, places: Places | None) -> "AsyncGenerator[_Program, None]":
        environment = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                env=environment,
                start_new_session=True,
                limit=LINE_BYTES,
            )
        except OSError as error:
            raise DeviceError(f"{NAME}: cannot start {self._command[0]}: {error.strerror}") from error
        program = _Program(process)
        try:
            yield program
        finally:
            await program.kill()


class _Program:
    def __init__(self, process: Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        self._process = process
        self._stdin = process.stdin
        self._stdout = process.stdout
        self._complaints = asyncio.create_task(tail(process.stderr))

    async def write(self, content: bytes) -> None:
        """A process that dies before it has read it says why in its exit status."""
        with contextlib.suppress(ConnectionError):
            self._stdin.write(content)
            await self._stdin.drain()

    async def readline(self) -> bytes:
        return await self._stdout.readline()

    async def end(self) -> tuple[int | None, bytes]:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(EXIT_S):
                await self._process.wait()
                # What it started may hold its standard error open: it is read on until the program is given up.
                await asyncio.shield(self._complaints)
        complaints = self._complaints.result() if self._complaints.done() else b""
        return self._process.returncode, complaints

    async def kill(self) -> None:
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
        self._stdin.close()
        # Read to the end, or the pipes stay open.
        while await self._stdout.read(65536):
            pass
        await self._complaints
        await self._process.wait()
