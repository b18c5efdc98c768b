"""ProgramDevice: a device that runs the on-device program, a fresh process per task; the base of those that do.

How a process is started, and how files get where it finds them, is for each of them to say.
"""

import asyncio
from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

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
from evaluators.device.on_board.answers import Pinger, answer
from evaluators.device.on_board.fields import GarbledError
from evaluators.device.on_board.last_words import ended_without_answer
from evaluators.device.on_board.requests import (
    START_S,
    answer_limit_s,
    course_limit_s,
    course_request,
    describe_request,
    load_limit_s,
    load_request,
    look_limit_s,
    look_request,
    measure_request,
)
from evaluators.device.on_board.results import (
    check_answers,
    check_reads_png,
    course_run,
    held_together,
    load_run,
    looked,
    process_run,
)
from evaluators.errors import DeviceError

# Seconds between closing its output and its exit.
EXIT_S = 2.0


@dataclass(frozen=True, slots=True)
class Places:
    """Where the device finds a task's files."""

    model: str
    images: str


class RunningProgram(Protocol):
    """The on-device program while it runs, whatever carries its lines."""

    async def write(self, content: bytes) -> None: ...

    async def readline(self) -> bytes: ...

    async def end(self) -> tuple[int | None, bytes]:
        """Its exit status (negative: a signal; None: it has not ended) and the last it said, waited for up to EXIT_S.

        DeviceError where something else is known to have ended it, such as a lost connection.
        """
        ...


class ProgramDevice(ABC):
    """One task at a time."""

    def __init__(self, name: str, *, guard: Guard, silence_s: float, reads_png_by: str) -> None:
        """`reads_png_by`: the command with which its Python gets Pillow."""
        self.name = name
        self._guard = guard
        self._silence_s = silence_s
        self._reads_png_by = reads_png_by
        self._info: DeviceInfo | None = None
        self._one_at_a_time = asyncio.Lock()

    # --- what differs

    @abstractmethod
    async def _enter(self) -> None:
        """The device is found and described: `_info` is known."""

    @abstractmethod
    async def _leave(self) -> None: ...

    @abstractmethod
    async def _placed(
        self, task: Task | LoadTask | CourseTask, progress: Progress | None, *, afresh: bool = False
    ) -> Places:
        """The task's files, where the program will find them; with `afresh` brought there even if they are there."""

    @abstractmethod
    def _started(self, places: Places | None) -> AbstractAsyncContextManager[RunningProgram]:
        """The program, just started, for a task with these files; gone when the block is left, however it is left."""

    @abstractmethod
    def _described(self, message: dict[str, object]) -> DeviceInfo:
        """The device, from what the program says of its board."""

    @asynccontextmanager
    async def _turn(self) -> AsyncGenerator[None]:
        async with self._one_at_a_time:
            yield

    @property
    def _guard_here(self) -> Guard:
        return self._guard

    # --- what does not

    async def __aenter__(self) -> Self:
        await self._enter()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._leave()
        self._info = None

    @property
    def info(self) -> DeviceInfo:
        if self._info is None:
            raise RuntimeError(f"{self.name} is known once entered: async with the device")
        return self._info

    async def run(self, task: Task, progress: Progress | None = None) -> ProcessRun:
        async with self._turn():
            places, guard = await self._placed(task, progress, afresh=task.afresh), self._guard_here
            request = measure_request(task, model=places.model, images=places.images, guard=guard)
            message = await self._ask(request, places, task.model, progress, answer_limit_s(task, guard))
            with held_together(self.name, task.model.name):
                run = process_run(message)
                check_answers(task, run)
                return run

    async def look(self, tasks: Sequence[Task], progress: Progress | None = None) -> tuple[float | None, ...]:
        async with self._turn():
            places = [await self._placed(task, progress) for task in tasks]
            guard, images = self._guard_here, places[0].images
            request = look_request(tasks, models=[place.model for place in places], images=images, guard=guard)
            limit_s = look_limit_s(len(tasks), guard)
            message = await self._ask(request, places[0], tasks[0].model, progress, limit_s)
            with held_together(self.name, "a look at several models"):
                return looked(message, len(tasks))

    async def load(self, task: LoadTask, progress: Progress | None = None) -> LoadRun:
        async with self._turn():
            places, guard = await self._placed(task, progress), self._guard_here
            request = load_request(task, model=places.model, images=places.images, guard=guard)
            pings: list[Ping] = []
            message = await self._ask(request, places, task.model, progress, load_limit_s(task, guard), pings)
            with held_together(self.name, task.model.name):
                return load_run(message, pings)

    def check_course(self) -> None:
        check_reads_png(self.info, device=self.name, then=self._reads_png_by)

    async def course(self, task: CourseTask, progress: Progress | None = None) -> CourseRun:
        self.check_course()
        async with self._turn():
            places, guard = await self._placed(task, progress), self._guard_here
            request = course_request(task, model=places.model, images=places.images, guard=guard)
            pings: list[Ping] = []
            message = await self._ask(request, places, task.model, progress, course_limit_s(task, guard), pings)
            with held_together(self.name, task.model.name):
                return course_run(message, task, pings)

    async def _describe(self) -> DeviceInfo:
        message = await self._ask(describe_request(), None, None, None, START_S)
        try:
            return self._described(message)
        except GarbledError as error:
            raise DeviceError(f"{self.name}: the on-device program does not describe the device: {error}") from error

    async def _ask(
        self,
        request: bytes,
        places: Places | None,
        model: Path | None,
        progress: Progress | None,
        limit_s: float | None,
        pings: list[Ping] | None = None,
    ) -> dict[str, object]:
        """The program's answer; the round trips while the board was at rest go into `pings`."""
        async with self._started(places) as program:
            await program.write(request)
            message = await answer(
                program,
                device=self.name,
                model="" if model is None else model.name,
                progress=progress,
                limit_s=limit_s,
                silence_s=self._silence_s,
                pinger=None if pings is None else Pinger(program.write, pings),
            )
            if message is None:
                status, complaints = await program.end()
                raise DeviceError(ended_without_answer(self.name, status, complaints))
            return message
