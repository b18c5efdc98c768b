"""ReplayDevice: answers from a recording of another bench, so that its figures can be looked into without it."""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

from evaluators.device.device import (
    PROTOCOL_VERSION,
    CourseRun,
    CourseTask,
    DeviceInfo,
    FirstReference,
    LoadRun,
    LoadTask,
    ProcessRun,
    Progress,
    Task,
)
from evaluators.device.on_board.fields import LINE_BYTES, Fields, GarbledError, parsed, printable
from evaluators.device.on_board.packing import result_message
from evaluators.device.on_board.results import device_info, process_run
from evaluators.runtimes.runtime import format_of_runtime
from space.errors import CandidateError, RequestError
from space.files import sha256, written_whole

FORMAT = "device recording"
# The second has looks.
FORMAT_VERSION = 2
# Where the export writes Recipe.structure_id.
PROPERTY = "structure_id"
# What a line says that is no run of a process.
_LOOK = "look"


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """What one process saw of a structure. The sha256 of the file it ran makes its predictions usable."""

    structure_id: str
    run: ProcessRun
    model_sha256: str = ""


@dataclass(frozen=True, slots=True)
class RecordedLook:
    """What a look at several models found of one."""

    structure_id: str
    # Its latency over the reference's.
    relative: float


Recorded = RecordedRun | RecordedLook


def write_recording(path: Path, info: DeviceInfo, rows: Iterable[Recorded]) -> None:
    """JSON lines: the device, then a line per run or look."""
    with written_whole(path) as beside, beside.open("w", encoding="utf-8") as file:
        head = {"format": FORMAT, "version": FORMAT_VERSION, "protocol": PROTOCOL_VERSION, **asdict(info)}
        file.write(json.dumps(head) + "\n")
        for row in rows:
            file.write(json.dumps({PROPERTY: row.structure_id, **_line(row)}) + "\n")


def read_recording(path: Path) -> tuple[DeviceInfo, tuple[Recorded, ...]]:
    """RequestError naming the line that is wrong."""
    number = 0
    rows: list[Recorded] = []
    info: DeviceInfo | None = None
    try:
        with path.open("rb") as file:
            while line := file.readline(LINE_BYTES):
                number += 1
                message = parsed(line)
                if info is None:
                    info = _head(message)
                else:
                    rows.append(_row(message))
    except OSError as error:
        raise RequestError(f"recording {path} cannot be read: {error.strerror}") from error
    except GarbledError as error:
        raise RequestError(f"{path}, line {number}: {error}; is it a recording of this version?") from error
    if info is None:
        raise RequestError(f"recording {path} is empty; its first line should describe the device")
    return info, tuple(rows)


class ReplayDevice:
    """Knows a model by its structure alone: runs of the same structure are given in recorded order, over and over.

    Latency and memory depend on the structure, predictions on the weights too: in confirm mode they are given only
    for the very file that was recorded, else left out, and a warning says so.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._info, rows = read_recording(path)
        self._rows: dict[str, list[RecordedRun]] = {}
        self._looks: dict[str, float] = {}
        for row in rows:
            if isinstance(row, RecordedLook):
                self._looks[row.structure_id] = row.relative
            else:
                self._rows.setdefault(row.structure_id, []).append(row)
        # How many runs of a structure and mode were given.
        self._given: dict[tuple[str, bool], int] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    @property
    def info(self) -> DeviceInfo:
        return self._info

    async def run(self, task: Task, progress: Progress | None = None) -> ProcessRun:
        structure_id = self._structure_id(task)
        recorded = self._rows.get(structure_id)
        if recorded is None:
            raise CandidateError(
                f"{self._path} holds {len(self._rows)} structures, and {structure_id} of {task.model.name} is not one"
            )
        # Runs of the mode asked for, if there are any.
        confirm = task.passes > 0
        suited = [row for row in recorded if bool(row.run.predictions) == confirm] or recorded
        turn = self._given.get((structure_id, confirm), 0)
        self._given[structure_id, confirm] = turn + 1
        if progress is not None:
            progress("replaying", 1.0)
        row = suited[turn % len(suited)]
        return _with_usable_predictions(row, task) if confirm else replace(row.run, predictions=())

    async def look(self, tasks: Sequence[Task], progress: Progress | None = None) -> tuple[float | None, ...]:
        """The first and the last are the reference, over which all were kept."""
        return (1.0, *map(self._looked, tasks[1:-1]), 1.0)

    def _looked(self, task: Task) -> float | None:
        try:
            return self._looks.get(self._structure_id(task))
        except CandidateError:
            return None

    def _structure_id(self, task: Task) -> str:
        structure_id = format_of_runtime(task.runtime.runtime).read_metadata(task.model).get(PROPERTY)
        if structure_id is None:
            raise CandidateError(f"{task.model} has no metadata {PROPERTY!r}, by which {self._path} knows its models")
        return structure_id

    async def load(self, task: LoadTask, progress: Progress | None = None) -> LoadRun:
        raise RequestError(f"{self._path}: a recording loads no board, and a meter sees nothing; name the board itself")

    def check_course(self) -> NoReturn:
        raise RequestError(f"{self._path}: a recording holds no runs of the course's protocol; name the board itself")

    async def course(self, task: CourseTask, progress: Progress | None = None) -> CourseRun:
        self.check_course()


def _with_usable_predictions(row: RecordedRun, task: Task) -> ProcessRun:
    if not row.run.predictions:
        warning = "recorded without predictions"
    elif row.model_sha256 != sha256(task.model):
        warning = f"recorded with other weights than {task.model.name}: its predictions are left out"
    else:
        return row.run
    return replace(row.run, predictions=(), warnings=(*row.run.warnings, warning))


def _head(message: dict[str, object]) -> DeviceInfo:
    fields = Fields(message)
    if message.get("format") != FORMAT:
        raise GarbledError(f"its format is not {FORMAT!r}")
    fields.whole("version", FORMAT_VERSION, FORMAT_VERSION)
    # As it was recorded: a search that asks in the same order asks for the same recipes.
    info = device_info(message, pool=fields.text("pool"), on_this_machine=fields.flag("on_this_machine"))
    return replace(info, recorded=True, reference=_reference(message), trials=_trials(message))


def _reference(head: dict[str, object]) -> FirstReference | None:
    """What the figures are over; earlier recordings do not say."""
    if head.get("reference") is None:
        return None
    fields = Fields(head["reference"])
    return FirstReference(fields.text(PROPERTY), fields.number("latency_s", 1e-9), fields.number("energy_j", 0))


def _trials(head: dict[str, object]) -> tuple[str, ...]:
    """The trials of the search; earlier recordings do not say."""
    ids = head.get("trials", [])
    if not isinstance(ids, list) or not all(isinstance(id, str) for id in ids):
        raise GarbledError("trials is not a list of recipes")
    return tuple(map(printable, ids))


def _line(row: Recorded) -> dict[str, object]:
    if isinstance(row, RecordedLook):
        return {_LOOK: row.relative}
    return {"model_sha256": row.model_sha256, **result_message(row.run)}


def _row(message: dict[str, object]) -> Recorded:
    fields = Fields(message)
    if _LOOK in message:
        return RecordedLook(fields.text(PROPERTY), fields.number(_LOOK, 0))
    run = process_run(message)
    return RecordedRun(fields.text(PROPERTY), run, fields.text("model_sha256"))
