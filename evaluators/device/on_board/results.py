"""Results: what the on-device program's last line tells of a run, a load, the course's script or the board itself."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

from evaluators.device.device import (
    PROTOCOL_VERSION,
    BoardState,
    CourseRun,
    CourseTask,
    CourseWindows,
    DeviceInfo,
    LoadRun,
    Ping,
    ProcessRun,
    Task,
    Window,
)
from evaluators.device.on_board.fields import Fields, GarbledError
from evaluators.errors import DeviceError


def process_run(message: dict[str, object]) -> ProcessRun:
    """The run a result tells of; GarbledError if it does not hold together."""
    fields = Fields(message)
    _check_version(fields)
    latencies = fields.wholes("latencies_ns")
    starts = fields.wholes("block_starts")
    if not latencies or min(latencies) == 0:
        raise GarbledError("latencies_ns is empty, or has a run that took no time")
    if not starts or starts[0] != 0 or any(a >= b for a, b in pairwise([*starts, len(latencies)])):
        raise GarbledError(f"block_starts do not divide the {len(latencies)} latencies")
    return ProcessRun(
        latencies_s=tuple(latency / 1e9 for latency in latencies),
        block_starts=tuple(starts),
        began_s=fields.number_or_none("began_s"),
        wall_s=fields.number("wall_s", 1e-9),
        cpu_s=fields.number("cpu_s", 0),
        memory_peak_bytes=fields.whole("memory_peak_bytes", 0, 2**50),
        memory_imports_bytes=fields.whole("memory_imports_bytes", 0, 2**50),
        memory_anonymous_bytes=fields.whole_or_none("memory_anonymous_bytes", 0, 2**50),
        before=_board_state(fields.inner("before")),
        after=_board_state(fields.inner("after")),
        during=None if message.get("during") is None else _board_state(fields.inner("during")),
        course_s=fields.number_or_none("course_s", 1e-9),
        predictions=tuple(fields.wholes("predictions")),
        warnings=fields.texts("warnings"),
        reference_s=fields.number_or_none("reference_s", 1e-9) if "reference_s" in message else None,
        reference_j=fields.number_or_none("reference_j", 0) if "reference_j" in message else None,
    )


def looked(message: dict[str, object], models: int) -> tuple[float | None, ...]:
    """The latency of each model in seconds; GarbledError if it does not hold together."""
    fields = Fields(message)
    _check_version(fields)
    latencies = message.get("latencies_s")
    if not isinstance(latencies, list) or len(latencies) != models:
        raise GarbledError(f"latencies_s are not those of {models} models")
    by_model = [Fields({"latency_s": latency}) for latency in latencies]
    return tuple(latency.number_or_none("latency_s", 1e-9) for latency in by_model)


def load_run(message: dict[str, object], pings: Sequence[Ping]) -> LoadRun:
    """What a result tells of a load; GarbledError if it does not hold together."""
    fields = Fields(message)
    _check_version(fields)
    run = LoadRun(
        idle_before=_window(fields.inner("idle_before")),
        active=_window(fields.inner("active")),
        idle_after=_window(fields.inner("idle_after")),
        inferences=fields.whole("inferences", 1, 2**50),
        cpu_s=fields.number("cpu_s", 0),
        pings=tuple(pings),
        before=_board_state(fields.inner("before")),
        after=_board_state(fields.inner("after")),
        during=None if message.get("during") is None else _board_state(fields.inner("during")),
        warnings=fields.texts("warnings"),
    )
    _check_order(run)
    return run


def _check_order(run: LoadRun | CourseWindows) -> None:
    windows = (run.idle_before, run.active, run.idle_after)
    times = [time for window in windows for time in (window.begin_s, window.end_s)]
    if times != sorted(times) or run.active.length_s == 0:
        raise GarbledError(f"its windows are not one after the other: {', '.join(f'{time:.3f}' for time in times)} s")


def _window(fields: Fields) -> Window:
    return Window(fields.number("begin_s", 0), fields.number("end_s", 0))


def course_run(message: dict[str, object], task: CourseTask, pings: Sequence[Ping] = ()) -> CourseRun:
    """What a result of the course's script tells; GarbledError if it does not hold together."""
    fields = Fields(message)
    _check_version(fields)
    latencies = fields.wholes("latencies_ns")
    if len(latencies) != task.count or min(latencies) == 0:
        raise GarbledError(f"{len(latencies)} latencies are not those of {task.count} images")
    run = CourseRun(
        latencies_s=tuple(latency / 1e9 for latency in latencies),
        correct=fields.whole("correct", 0, task.count),
        wall_s=fields.number("wall_s", 1e-9),
        cpu_s=fields.number("cpu_s", 0),
        loop_wall_s=fields.number("loop_wall_s", 1e-9),
        loop_cpu_s=fields.number("loop_cpu_s", 0),
        memory_peak_bytes=fields.whole("memory_peak_bytes", 0, 2**50),
        windows=_course_windows(fields, pings) if task.idle_s else None,
        before=_board_state(fields.inner("before")),
        after=_board_state(fields.inner("after")),
        during=None if message.get("during") is None else _board_state(fields.inner("during")),
        warnings=fields.texts("warnings"),
    )
    if not sum(run.latencies_s) <= run.loop_wall_s <= run.wall_s:
        raise GarbledError(f"its loop took {run.loop_wall_s:g} s, the whole script {run.wall_s:g} s")
    return run


def _course_windows(fields: Fields, pings: Sequence[Ping]) -> CourseWindows:
    windows = CourseWindows(
        idle_before=_window(fields.inner("idle_before")),
        active=_window(fields.inner("active")),
        idle_after=_window(fields.inner("idle_after")),
        pings=tuple(pings),
    )
    _check_order(windows)
    return windows


@contextmanager
def held_together(device: str, model: str) -> Iterator[None]:
    """A result that does not hold together is the device's fault."""
    try:
        yield
    except GarbledError as error:
        raise DeviceError(f"{device}: the result for {model} does not hold together: {error}") from error


def check_reads_png(info: DeviceInfo, *, device: str, then: str) -> None:
    if not info.reads_png:
        raise DeviceError(f"{device}: its Python has no Pillow, which the course's protocol needs; next: {then}")


def check_answers(task: Task, run: ProcessRun) -> None:
    """The run is of the mode that was asked for; GarbledError if not."""
    runs, images = len(run.latencies_s), len(run.predictions)
    if task.passes and (not images or runs != task.passes * images):
        raise GarbledError(f"{runs} runs and {images} predictions do not make {task.passes} passes")


def device_info(message: dict[str, object], *, pool: str, on_this_machine: bool) -> DeviceInfo:
    """What the program says of its board, and what only the host knows."""
    fields = Fields(message)
    _check_version(fields)
    return DeviceInfo(
        model=fields.text("model"),
        pool=pool,
        cores=fields.whole("cores", 1, 4096),
        system=fields.text("system"),
        governor=fields.text("governor"),
        runtime=fields.text("runtime"),
        # Earlier recordings do not say.
        runtimes=fields.texts("runtimes") if "runtimes" in message else (),
        serial=fields.text("serial"),
        on_this_machine=on_this_machine,
        providers=fields.texts("providers"),
        python=fields.text("python"),
        memory_bytes=fields.whole_or_none("memory_bytes", 0, 2**50),
        # Earlier recordings do not say; they are of 64 bits.
        bits=fields.whole_or_none("bits", 32, 64) or 64,
        machine=fields.text_or_none("machine") or "",
        reads_png=fields.flag("reads_png") if "reads_png" in message else False,
    )


def _board_state(fields: Fields) -> BoardState:
    return BoardState(
        temperature_c=fields.number_or_none("temperature_c", -60, 200),
        clock_hz=fields.number_or_none("clock_hz", 0, 1e12),
        governor=fields.text_or_none("governor"),
        others_cores=fields.number_or_none("others_cores", 0, 4096),
        stolen_cores=fields.number_or_none("stolen_cores", 0, 4096),
        load=fields.number_or_none("load", 0),
        throttled=fields.whole_or_none("throttled", 0, 2**32 - 1),
        neighbour=fields.text_or_none("neighbour"),
    )


def _check_version(fields: Fields) -> None:
    fields.whole("protocol", PROTOCOL_VERSION, PROTOCOL_VERSION)
