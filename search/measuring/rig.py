"""Rig: the devices of this run, opened, with their reference; what the main thread asks of the boards' workers."""

import statistics
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from evaluators.bench import Bench
from evaluators.device.device import DeviceInfo, ProcessRun, Progress
from evaluators.device.devices.choose import board_of, open_device
from evaluators.errors import DeviceError
from evaluators.examiner import Examiner
from evaluators.measured import Measured, Subject
from evaluators.measurement import Figures
from evaluators.measuring import quiet
from evaluators.metered import load_s
from evaluators.power.choose import open_meter
from evaluators.race import Race
from evaluators.runtimes.runtime import RUNTIMES
from evaluators.runtimes.settings import DEFAULT_RUNTIME, RuntimeSettings
from search.measuring.board_worker import Worker
from search.measuring.installed import check_installed, differing, installed, left_out
from space.candidate import Candidate
from space.dimensions import MOST_THREADS
from space.errors import CandidateError, RequestError
from space.files import written_whole
from space.formats.target import title_of
from space.recipe import Recipe

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Say = Callable[[str], None]
T = TypeVar("T")


def _unseen(name: str) -> Progress:
    return quiet


# Boards whose reference differs by a larger fraction are not of one kind: one throttles, has another supply, or load.
AGREEMENT = 0.05


@dataclass
class Board:
    """A device with the worker that owns it, by the name that the user gave."""

    name: str
    worker: Worker
    examiner: Examiner
    # This is told what the board does.
    shown: Progress = quiet
    # Measurements that wait or run.
    waiting: int = 0

    def submit(self, name: str, task: Callable[..., Coroutine[Any, Any, T]], *args: Any, **others: Any) -> Future[T]:
        """A task of the examiner's; what it is at is shown with the `name` of what it is done to, and nothing between
        two."""
        future = self.worker.submit(task, *args, **others, progress=self._named(name))
        future.add_done_callback(lambda _: self.shown("", 0.0))
        return future

    def _named(self, name: str) -> Progress:
        return lambda step, share: self.shown(f"{name}: {step}", share)


class Rig:
    """The boards of a run; several of one kind share the work, each calibrated by the reference model."""

    def __init__(self, boards: Sequence[Board], say: Say) -> None:
        self._boards = list(boards)
        # The first board's, even once that is set aside: what the others measure still belongs to the same study.
        self.bench: Bench = boards[0].examiner.bench
        # The names of the runtimes on this machine and on every board: what a study may choose from.
        self.runtimes = installed([board.examiner.device.info for board in boards])
        self._say = say
        self._change = threading.Lock()

    def left_out(self, names: Sequence[str]) -> list[str]:
        """A line for each of these runtimes that is missing here or on a board, with what to do."""
        return left_out(names, self._infos)

    def check_installed(self, name: str) -> None:
        """RequestError where the runtime of this name is missing here or on a board, with what to do."""
        check_installed(name, self._infos)

    @property
    def _infos(self) -> dict[str, DeviceInfo]:
        return {board.name: board.examiner.device.info for board in self._boards}

    @property
    def first(self) -> Board:
        return self._boards[0]

    @property
    def boards(self) -> int:
        return len(self._boards)

    @property
    def device(self) -> DeviceInfo:
        return self.first.examiner.device.info

    @property
    def reference(self) -> Figures | None:
        """The reference as it was timed last."""
        return self.first.examiner.reference_figures

    @property
    def cores(self) -> int:
        return self.device.cores

    @property
    def least_w(self) -> float | None:
        """No board takes less than when it is idle, by its power model; what a meter will say nobody knows."""
        examiner = self.first.examiner
        return examiner.power.idle_w if examiner.meter is None else None

    @property
    def metering_s(self) -> float:
        """How long a candidate's energy takes; without a meter nothing."""
        meter = self.first.examiner.meter
        return 0.0 if meter is None else load_s(meter.info)

    @property
    def opened_s(self) -> float:
        """What it took to reach a board and to start a program there once."""
        return max(board.examiner.opened_s for board in self._boards)

    @property
    def on_this_machine(self) -> bool:
        return any(board.examiner.device.info.on_this_machine for board in self._boards)

    def measure(self, subject: Subject, race: Race, earlier: Sequence[ProcessRun] = ()) -> Future[Measured]:
        """Measures on the board that has least to do; on another if that fails, as long as there is one. Runs of the
        same structure from `earlier` count, where they are those of the same board."""
        result: Future[Measured] = Future()
        result.set_running_or_notify_cancel()
        self._begin(result, subject, race, earlier if self.boards == 1 else ())
        return result

    def look(self, subjects: Sequence[Subject]) -> Future[tuple[float | None, ...]]:
        """The latency of each over the reference's, timed for a moment on the first board."""
        board = self.first
        return board.submit(f"{len(subjects)} networks", board.examiner.look, subjects)

    def _begin(self, result: Future[Measured], subject: Subject, race: Race, earlier: Sequence[ProcessRun]) -> None:
        with self._change:
            board = min(self._boards, key=lambda board: board.waiting)
            board.waiting += 1

        def ended(task: Future[Measured]) -> None:
            with self._change:
                board.waiting -= 1
            if task.cancelled():
                result.set_exception(CancelledError())
            elif isinstance(error := task.exception(), DeviceError) and self._set_aside(board, str(error)):
                self._begin(result, subject, race, ())
            elif error is not None:
                result.set_exception(error)
            else:
                result.set_result(task.result())

        asked = board.submit(subject.name, board.examiner.measure, subject, race, earlier=earlier)
        asked.add_done_callback(ended)

    def _set_aside(self, board: Board, reason: str) -> bool:
        """False for the last one: without it there is no rig."""
        with self._change:
            if board not in self._boards:
                return True
            if len(self._boards) == 1:
                return False
            self._boards.remove(board)
        self._say(f"{board.name} is set aside, {len(self._boards)} left: {reason}")
        return True

    @property
    def frameworks(self) -> dict[str, str]:
        """Runtimes that are no part of the bench, each with its version: it is part of what was measured with it."""
        named = {name: self.device.framework(name) for name in self.runtimes}
        return {name: framework for name, framework in named.items() if framework and framework != self.bench.runtime}

    def runs(self, recipe: Recipe) -> bool:
        """Whether its runtime is installed on this machine and on every board."""
        return recipe.runtime in self.runtimes

    def check_runs(self, recipe: Recipe) -> None:
        if not self.runs(recipe):
            raise CandidateError(f"{title_of(recipe.runtime)} is not installed here and on every board")

    def tried(self) -> list[RuntimeSettings]:
        """Every setting of every runtime at which the unpruned network may be the reference."""
        return [settings for name in self.runtimes for settings in RUNTIMES.get(name).tried(self._threads)]

    def tuned(self) -> list[RuntimeSettings]:
        """Every setting of every runtime at which a leader may be better."""
        return [settings for name in self.runtimes for settings in RUNTIMES.get(name).tuned(self._threads)]

    @property
    def _threads(self) -> int:
        return min(self.cores, MOST_THREADS)

    def use_reference(self, candidate: Candidate, earlier: Sequence[ProcessRun]) -> Measured:
        """What the first board measures; the others are calibrated by it. `earlier`: these tell how much processes
        differ."""
        timed: list[tuple[Board, Measured]] = []
        for board in list(self._boards):
            board.examiner.use_reference(subject_of(candidate), earlier)
            try:
                timed.append((board, board.submit("reference", board.examiner.measure_reference).result()))
            except DeviceError as error:
                if not self._set_aside(board, str(error)):
                    raise
        self._calibrate(timed)
        while True:
            board = self.first
            try:
                return board.submit("reference", board.examiner.measure_reference).result()
            except DeviceError as error:
                if not self._set_aside(board, str(error)):
                    raise

    def _calibrate(self, timed: Sequence[tuple[Board, Measured]]) -> None:
        """Calibrates boards to the middle one, or the faster of two: what is wrong with a board makes it slow."""
        standard = statistics.median_low(measured.figures.latency_s for _, measured in timed)
        for board, measured in timed:
            own = measured.figures
            apart = abs(own.latency_s - standard) / standard
            if apart > max(AGREEMENT, (own.latency_high_s - own.latency_low_s) / 2 / own.latency_s):
                text = f"it times the reference at {1e3 * own.latency_s:.4g} ms, the others at {1e3 * standard:.4g} ms"
                self._set_aside(board, text)
            else:
                board.examiner.calibrate(standard / own.latency_s)

    def confirm(self, candidate: Candidate, images: Path, earlier: Measured | None = None) -> Measured:
        board = self.first
        subject = subject_of(candidate)
        return board.submit(subject.name, board.examiner.confirm, subject, images, earlier=earlier).result()

    def predictions(self, candidate: Candidate, images: Path) -> tuple[int, ...]:
        board = self.first
        subject = subject_of(candidate)
        return board.submit(subject.name, board.examiner.predictions, subject, images).result()


@contextmanager
def open_rig(
    devices: Sequence[str],
    images: Path,
    say: Say,
    meters: Sequence[str] = (),
    runtime: str | None = None,
    place: Callable[[str], Progress] = _unseen,
) -> Iterator[Rig]:
    """Every device logged in and known to answer, every meter heard, before anything is trained. RequestError where
    `runtime` is to be used and is not everywhere. `place` gives what a board of that name is to tell what it does."""
    with ExitStack() as stack:
        boards = []
        for name, url in zip(devices, meters or [""] * len(devices), strict=True):
            meter = open_meter(url, board_of(name)) if url else None
            examiner = Examiner(open_device(name), images, meter)
            board = Board(name, stack.enter_context(Worker()), examiner, place(f"board {name}"))
            board.worker.submit(board.examiner.open).result()
            stack.callback(_close, board)
            boards.append(board)
        for board in boards[1:]:
            _check_alike(boards[0], board)
        rig = Rig(boards, say)
        if runtime or not rig.runtimes:
            rig.check_installed(runtime or DEFAULT_RUNTIME)
        yield rig


def _close(board: Board) -> None:
    board.worker.cancel()
    board.worker.submit(board.examiner.close).result()


def _check_alike(first: Board, other: Board) -> None:
    # Each board is calibrated by the reference, so which one it is does not matter.
    differences = first.examiner.bench.differences(other.examiner.bench, ignoring=("unit",))
    differences += differing(first.examiner.device.info, other.examiner.device.info)
    if differences:
        raise RequestError(
            f"{first.name} and {other.name} differ in {', '.join(differences)}; boards that share a study are alike"
        )


def runtime_of(recipe: Recipe) -> RuntimeSettings:
    return RuntimeSettings(**{field.name: getattr(recipe, field.name) for field in fields(RuntimeSettings)})


def subject_of(candidate: Candidate) -> Subject:
    return Subject(candidate.recipe.id, candidate.file, runtime_of(candidate.recipe))


def at_runtime(recipe: Recipe, runtime: RuntimeSettings) -> Recipe:
    return replace(recipe, **asdict(runtime))


def save_images(path: Path, pixels: "NDArray[np.uint8]") -> Path:
    """Saves the images as one array, which is what a device takes."""
    import numpy as np

    if not path.exists():
        with written_whole(path) as beside, beside.open("wb") as file:
            np.save(file, pixels)
    return path
