"""A bench whose connections can be cut, and what is asked of it, for the tests that cut one.

The board is behind a real ssh server, the meter behind a real socket, each at the end of a wire that can be cut.
"""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluators.device.device import CourseRun, CourseTask, Guard, LoadRun, LoadTask, ProcessRun, Progress, Task
from evaluators.device.devices.over_ssh import SshDevice
from evaluators.examiner import Examiner
from evaluators.measured import Subject
from evaluators.power.smartpower2 import smartpower2
from evaluators.race import FRONT
from tests.evaluators.device.models import WIDE, write_classifier
from tests.evaluators.device.pngs import bundled, coloured, write_pngs
from tests.evaluators.device.runs import process_run
from tests.evaluators.device.short import LIMIT_S, program
from tests.evaluators.device.sshd import Board
from tests.evaluators.device.wire import Wire
from tests.evaluators.power import simulated
from tests.evaluators.power.simulated import AMPS, LIMITS, VOLTS, Script

COUNT = 300
# A meter has one place, and needs a moment to see that it is free again.
PAUSES = (0.3, 0.3)
# A period so long that a busy machine's delays are short beside it.
PERIOD_S = 0.1


def steady() -> Script:
    """Every line of a meter that is never late by its own clock, however busy this machine is."""
    begin_s = asyncio.get_running_loop().time()
    for number in itertools.count():
        yield max(begin_s + number * PERIOD_S - asyncio.get_running_loop().time(), 0.0)
        yield f"{round(1e3 * (1000 + number * PERIOD_S))} {VOLTS:.4f} {AMPS + 0.0001 * (number % 7):.4f}\r\n".encode()


class Knife:
    """Cuts a wire, once, when a step is reached."""

    def __init__(self) -> None:
        self.step = ""
        self.wire: Wire | None = None

    def cutting(self, wire: Wire, step: str) -> None:
        self.wire, self.step = wire, step

    @property
    def used(self) -> bool:
        return self.wire is None

    def reached(self, step: str) -> None:
        if self.wire is not None and step.startswith(self.step):
            self.wire.cut()
            self.wire = None


class Watched(SshDevice):
    """The real one; whoever watches it may cut its wires at any of its steps."""

    knife: Knife

    def _told(self, progress: Progress | None) -> Progress:
        def tell(step: str, share: float) -> None:
            self.knife.reached(step)
            if progress is not None:
                progress(step, share)

        return tell

    async def run(self, task: Task, progress: Progress | None = None) -> ProcessRun:
        self.knife.reached("run")
        return await super().run(task, self._told(progress))

    async def load(self, task: LoadTask, progress: Progress | None = None) -> LoadRun:
        self.knife.reached("load")
        return await super().load(task, self._told(progress))

    async def course(self, task: CourseTask, progress: Progress | None = None) -> CourseRun:
        return await super().course(task, self._told(progress))


@dataclass
class Bench:
    examiner: Examiner
    knife: Knife
    board_wire: Wire
    meter_wire: Wire
    subject: Subject
    # The subject of the course: its script takes many readings by its work, not by a clock.
    wide: Subject
    images: Path
    pngs: Path


@pytest.fixture
def subject(quick: Task) -> Subject:
    return Subject("candidate", quick.model, quick.runtime)


@pytest.fixture
def wires(board: Board) -> Iterator[tuple[Wire, Callable[[int], Wire]]]:
    opened: list[Wire] = []

    def to(port: int) -> Wire:
        opened.append(Wire(port).__enter__())
        return opened[-1]

    try:
        yield to(board.sshd.port), to
    finally:
        for wire in opened:
            wire.__exit__(None, None, None)


@pytest.fixture
def opened(
    board: Board,
    wires: tuple[Wire, Callable[[int], Wire]],
    subject: Subject,
    quick: Task,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Any:
    """A bench, metered or not; windows of a second, and a board whose /proc tells of nobody else."""
    # One process before the cut and one after it tell as much as three.
    monkeypatch.setattr("evaluators.examiner.PROCESSES", 2)
    monkeypatch.setattr("evaluators.measuring.Task", partial(Task, limit_s=LIMIT_S))
    monkeypatch.setattr("evaluators.metered.window_s", lambda meter, precision: 1.2)
    monkeypatch.setattr("evaluators.metered.idle_s", lambda meter, precision=0.01: 0.9)
    board_wire, to = wires

    @asynccontextmanager
    async def make(metered: bool):  # type: ignore[no-untyped-def]
        async with simulated.smartpower2(steady) as served:
            meter_wire = to(served.port)
            meter = smartpower2(f"//127.0.0.1:{meter_wire.port}", None, LIMITS) if metered else None
            device = Watched(
                board.address,
                login=board.login({"Port": board_wire.port}),
                environment={"SEARCH_SYSROOT": str(tmp_path / "calm")},
                guard=Guard(lock=str(board.home / "lock"), heartbeat_s=20.0),
                program=program(),
            )
            device.knife = Knife()
            reference = Subject(
                "reference", write_classifier(tmp_path / "reference.onnx", channels=64), subject.runtime
            )
            examiner = Examiner(device, quick.images, meter, pauses=PAUSES)
            # The reference was timed before: once is enough.
            examiner.use_reference(reference, [process_run()] * 3)
            pngs = write_pngs(tmp_path / "pngs", coloured(COUNT), np.zeros(COUNT, np.int64))
            bundle = bundled(pngs, tmp_path / "images.zip")
            wide = Subject("wide", write_classifier(tmp_path / "wide.onnx", channels=WIDE), subject.runtime)
            yield Bench(examiner, device.knife, board_wire, meter_wire, subject, wide, quick.images, bundle)

    return make


async def reference(bench: Bench) -> object:
    return await bench.examiner.measure_reference()


async def measured(bench: Bench) -> object:
    return await bench.examiner.measure(bench.subject, FRONT)


async def confirmed(bench: Bench) -> object:
    result = await bench.examiner.confirm(bench.subject, bench.images)
    assert len(result.predictions) == 16
    return result


async def answered(bench: Bench) -> object:
    return await bench.examiner.predictions(bench.subject, bench.images)


async def by_the_course(bench: Bench) -> object:
    return await bench.examiner.course(bench.wide, bench.pngs, COUNT)


Talk = Callable[[Bench], Awaitable[object]]


def drops_once(opened: Any, talk: Talk, step: str, *, metered: bool, wire: Callable[[Bench], Wire]) -> None:
    """Cuts the wire at a step of what is asked, which is answered nevertheless."""

    async def check() -> None:
        async with opened(metered) as bench:
            await bench.examiner.open()
            try:
                if talk is not reference:
                    await bench.examiner.measure_reference()
                bench.knife.cutting(wire(bench), step)
                assert await talk(bench)
                assert bench.knife.used
            finally:
                await bench.examiner.close()

    asyncio.run(check())


def names(places: list[Any]) -> list[str]:
    return [" ".join(getattr(part, "__name__", str(part)) for part in place) for place in places]
