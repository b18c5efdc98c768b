"""Energy with a meter: a load on the device while the meter is recorded; kept so that it can be worked out again."""

import json
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass, replace

from evaluators.confidence import student_95
from evaluators.device.device import (
    CourseRun,
    CourseTask,
    CourseWindows,
    Device,
    LoadRun,
    LoadTask,
    Progress,
    Task,
    Window,
)
from evaluators.device.on_board.packing import load_message, recorded_load
from evaluators.power.clock import BoardClock, board_clock
from evaluators.power.energy import Energy, Span, Windows, energy, idle_s, window_s
from evaluators.power.meter import MeterInfo, PowerMeter
from evaluators.power.recording import Trace, recorded


@dataclass(frozen=True, slots=True)
class Metered:
    """What the board did, what the meter said, and the figure from both."""

    load: LoadRun
    trace: Trace
    energy: Energy

    def to_text(self) -> str:
        return json.dumps({"load": load_message(self.load), "trace": self.trace.to_text()}, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> "Metered":
        """What was kept as text, with its energy worked out again."""
        content = json.loads(text)
        return worked_out(recorded_load(content["load"]), Trace.from_text(content["trace"]))


def load_task(task: Task, meter: MeterInfo, precision: float = 0.01) -> LoadTask:
    """The same model, as long as this meter needs."""
    return LoadTask(
        model=task.model,
        images=task.images,
        runtime=task.runtime,
        idle_s=idle_s(meter, precision),
        active_s=window_s(meter, precision),
        mean=task.mean,
        std=task.std,
    )


def load_s(meter: MeterInfo, precision: float = 0.01) -> float:
    """How long one load takes: idle, at work, idle again."""
    return window_s(meter, precision) + 2 * idle_s(meter, precision)


async def metered(device: Device, meter: PowerMeter, task: LoadTask, progress: Progress | None = None) -> Metered:
    """Faults of the board and of the meter are raised as theirs; neither goes on without the other."""
    load, trace = await recorded(meter, lambda: device.load(task, progress))
    return worked_out(load, trace)


async def metered_course(
    device: Device, meter: PowerMeter, task: CourseTask, progress: Progress | None = None
) -> tuple[CourseRun, Energy]:
    """The course's script and the energy of the whole of it, per image. As long as its images take, not the meter."""
    task = replace(task, idle_s=idle_s(meter.info))
    run, trace = await recorded(meter, lambda: device.course(task, progress))
    assert run.windows is not None
    return run, energy(trace, windows_of(run.windows), len(run.latencies_s))


def worked_out(load: LoadRun, trace: Trace) -> Metered:
    return Metered(load, trace, energy(trace, windows_of(load), load.inferences))


def windows_of(load: LoadRun | CourseWindows) -> Windows:
    """The windows on our clock, which is the meter's too."""
    clock = board_clock(
        [ping for ping in load.pings if ping.board_s <= load.active.begin_s],
        [ping for ping in load.pings if ping.board_s >= load.active.end_s],
    )
    return Windows(
        idle_before=_span(clock, load.idle_before),
        active=_span(clock, load.active),
        idle_after=_span(clock, load.idle_after),
    )


def _span(clock: BoardClock, window: Window) -> Span:
    return Span(clock.ours(window.begin_s), clock.ours(window.end_s))


def combined(energies: Sequence[Energy]) -> Energy:
    """The mean of several loads of one model; their own disagreement counts too."""
    if len(energies) == 1:
        return energies[0]

    def mean(name: str) -> float:
        return statistics.fmean(getattr(energy, name) for energy in energies)

    def half(name: str) -> float:
        """Half of the interval, from each one's own, and from how they differ."""
        own = [(getattr(energy, f"{name}_high_j") - getattr(energy, f"{name}_low_j")) / 2 for energy in energies]
        apart = statistics.stdev(getattr(energy, f"{name}_j") for energy in energies)
        count = len(energies)
        return math.hypot(math.dist(own, [0] * count) / count, student_95(count - 1) * apart / math.sqrt(count))

    return replace(
        energies[0],
        total_j=mean("total_j"),
        total_low_j=max(mean("total_j") - half("total"), 0.0),
        total_high_j=mean("total_j") + half("total"),
        dynamic_j=mean("dynamic_j"),
        dynamic_low_j=mean("dynamic_j") - half("dynamic"),
        dynamic_high_j=mean("dynamic_j") + half("dynamic"),
        integrated_j=mean("integrated_j"),
        mean_w=mean("mean_w"),
        max_w=max(energy.max_w for energy in energies),
        idle_w=mean("idle_w"),
        inferences=sum(energy.inferences for energy in energies),
        readings=sum(energy.readings for energy in energies),
        lost=sum(energy.lost for energy in energies),
        warnings=tuple(dict.fromkeys(warning for energy in energies for warning in energy.warnings)),
    )
