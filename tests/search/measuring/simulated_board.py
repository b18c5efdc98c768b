"""A board whose every process is drawn: true latencies, noise between processes, a speed that changes with time."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import TracebackType
from typing import Self

from evaluators.device.device import CourseRun, CourseTask, DeviceInfo, LoadRun, LoadTask, ProcessRun, Progress, Task
from evaluators.examiner import Examiner
from search.measuring.board_worker import Worker
from search.measuring.rig import Board, Rig
from tests.evaluators.device.runs import process_run
from tests.search.made_up import DEVICE

_BLOCKS, _IN_A_BLOCK = 40, 5


@dataclass
class SimulatedBoard:
    """Latencies (s) by file; `speed` is what they are multiplied with in the n-th process; answers for each file."""

    latencies_s: Mapping[Path, float]
    noise: float = 0.0
    seed: int = 0
    speed: Callable[[int], float] = lambda number: 1.0
    answers: Callable[[Path], Sequence[int]] = lambda path: ()
    # Whether others want the cores during the n-th process.
    busy: Callable[[int, Task], bool] = lambda number, task: False
    info: DeviceInfo = DEVICE
    # What was run, in order.
    ran: list[Path] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._draw = random.Random(self.seed)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def run(self, task: Task, progress: Progress | None = None) -> ProcessRun:
        number = len(self.ran)
        self.ran.append(task.model)
        usual = self.latencies_s[task.model] * self.speed(number) * (1 + self._draw.gauss(0, self.noise))
        samples = [usual * (1 + self._draw.gauss(0, 1e-4)) for _ in range(_BLOCKS * _IN_A_BLOCK)]
        run = process_run(
            samples,
            block_starts=tuple(range(0, len(samples), _IN_A_BLOCK)),
            predictions=tuple(self.answers(task.model)) if task.passes else (),
        )
        return replace(run, after=replace(run.after, others_cores=1.9)) if self.busy(number, task) else run

    async def load(self, task: LoadTask, progress: Progress | None = None) -> LoadRun:
        raise NotImplementedError

    def check_course(self) -> None:
        raise NotImplementedError

    async def course(self, task: CourseTask, progress: Progress | None = None) -> CourseRun:
        raise NotImplementedError


@contextmanager
def simulated_rig(board: SimulatedBoard, images: Path, lines: list[str]) -> Iterator[Rig]:
    with Worker() as worker:
        examiner = Examiner(board, images, pauses=(0.0, 0.0))
        worker.submit(examiner.open).result()
        yield Rig([Board("simulated", worker, examiner)], lines.append)
