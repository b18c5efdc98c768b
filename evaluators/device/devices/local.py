"""LocalDevice: this machine as the device, the on-device program in a process of its own."""

import asyncio
import contextlib
import functools
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncGenerator
from pathlib import Path
from types import TracebackType
from typing import Self

from evaluators.device.device import (
    LOCK,
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
from evaluators.device.on_board.last_words import epitaph, tail
from evaluators.errors import DeviceError

NAME = "this machine"

# What the program may know of our environment. Above all not OMP_NUM_THREADS and its like: threads are the recipe's.
KEPT_ENVIRONMENT = (
    *("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"),
    *("PYTHONPATH", "PYTHONHOME", "PYTHONNOUSERSITE", "VIRTUAL_ENV", "SEARCH_SYSROOT"),
)
# Between closing its output and its exit.
EXIT_S = 2.0


class LocalDevice:
    """A fresh process per task, in a session of its own, so that Ctrl-C reaches us first; none outlives its task."""

    def __init__(
        self,
        *,
        python: str = sys.executable,
        program: Path = protocol.PROGRAM,
        silence_s: float = protocol.SILENCE_S,
        lock: str = LOCK,
    ) -> None:
        self._command = (python, str(program))
        # Two searches on one machine take turns. No heartbeat: a pipe closes with whoever held its other end.
        self._guard = Guard(lock=lock)
        self._silence_s = silence_s
        self._info: DeviceInfo | None = None
        self._one_at_a_time = asyncio.Lock()

    async def __aenter__(self) -> Self:
        message = await self._ask(protocol.describe_request(), model="", progress=None, limit_s=protocol.START_S)
        try:
            self._info = protocol.device_info(message, pool=NAME, on_this_machine=True)
        except protocol.GarbledError as error:
            raise DeviceError(f"{NAME}: the on-device program does not describe the device: {error}") from error
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Nothing is held between tasks.
        self._info = None

    @property
    def info(self) -> DeviceInfo:
        if self._info is None:
            raise RuntimeError("the device is known once entered: async with LocalDevice() as device")
        return self._info

    async def run(self, task: Task, progress: Progress | None = None) -> ProcessRun:
        async with self._one_at_a_time:
            model, images = str(task.model.resolve()), str(task.images.resolve())
            message = await self._ask(
                protocol.measure_request(task, model=model, images=images, guard=self._guard),
                model=task.model.name,
                progress=progress,
                limit_s=protocol.answer_limit_s(task, self._guard),
            )
        with protocol.held_together(NAME, task.model.name):
            run = protocol.process_run(message)
            protocol.check_answers(task, run)
            return run

    async def load(self, task: LoadTask, progress: Progress | None = None) -> LoadRun:
        async with self._one_at_a_time:
            model, images = str(task.model.resolve()), str(task.images.resolve())
            pings: list[Ping] = []
            message = await self._ask(
                protocol.load_request(task, model=model, images=images, guard=self._guard),
                model=task.model.name,
                progress=progress,
                limit_s=protocol.load_limit_s(task, self._guard),
                pings=pings,
            )
        with protocol.held_together(NAME, task.model.name):
            return protocol.load_run(message, pings)

    def check_course(self) -> None:
        protocol.check_reads_png(self.info, device=NAME, then="pip install pillow (it comes with torchvision)")

    async def course(self, task: CourseTask, progress: Progress | None = None) -> CourseRun:
        self.check_course()
        async with self._one_at_a_time:
            model, images = str(task.model.resolve()), str(task.images.resolve())
            pings: list[Ping] = []
            message = await self._ask(
                protocol.course_request(task, model=model, images=images, guard=self._guard),
                model=task.model.name,
                progress=progress,
                limit_s=protocol.course_limit_s(task, self._guard),
                pings=pings,
            )
        with protocol.held_together(NAME, task.model.name):
            return protocol.course_run(message, task, pings)

    async def _ask(
        self,
        request: bytes,
        *,
        model: str,
        progress: Progress | None,
        limit_s: float | None,
        pings: list[Ping] | None = None,
    ) -> dict[str, object]:
        async with self._process() as (process, lines, complaints):
            write = functools.partial(_write, process)
            await write(request)
            message = await protocol.answer(
                lines,
                device=NAME,
                model=model,
                progress=progress,
                limit_s=limit_s,
                silence_s=self._silence_s,
                pinger=None if pings is None else protocol.Pinger(write, pings),
            )
            if message is None:
                # It closed its output; what is left is its exit.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(EXIT_S):
                        await process.wait()
                        await complaints
                said = complaints.result() if complaints.done() else b""
                raise DeviceError(epitaph(NAME, process.returncode, said))
            return message

    @contextlib.asynccontextmanager
    async def _process(
        self,
    ) -> "AsyncGenerator[tuple[Process, asyncio.StreamReader, asyncio.Task[bytes]], None]":
        """The program, just started; gone when the block is left, however it is left."""
        environment = {name: os.environ[name] for name in KEPT_ENVIRONMENT if name in os.environ}
        try:
            process = await asyncio.create_subprocess_exec(
                *self._command,
                stdin=PIPE,
                stdout=PIPE,
                stderr=PIPE,
                env=environment,
                start_new_session=True,
                limit=protocol.LINE_BYTES,
            )
        except OSError as error:
            raise DeviceError(f"{NAME}: cannot start {self._command[0]}: {error.strerror}") from error
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        complaints = asyncio.create_task(tail(process.stderr))
        try:
            yield process, process.stdout, complaints
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
            process.stdin.close()
            # Read to the end, or the pipes stay open.
            while await process.stdout.read(65536):
                pass
            await complaints
            await process.wait()


async def _write(process: Process, content: bytes) -> None:
    """A process that dies before it has read it says why in its exit status."""
    assert process.stdin is not None
    with contextlib.suppress(ConnectionError):
        process.stdin.write(content)
        await process.stdin.drain()
