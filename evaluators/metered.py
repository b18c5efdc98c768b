"""Energy with a meter: a load on the device while the meter is recorded; kept so that it can be worked out again."""

import json
from dataclasses import dataclass

from evaluators.device.device import Device, LoadRun, LoadTask, Progress, Task, Window
from evaluators.device.protocol import load_message, recorded_load
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
        """Worked out again."""
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


async def metered(device: Device, meter: PowerMeter, task: LoadTask, progress: Progress | None = None) -> Metered:
    """Faults of the board and of the meter are raised as theirs; neither goes on without the other."""
    load, trace = await recorded(meter, lambda: device.load(task, progress))
    return worked_out(load, trace)


def worked_out(load: LoadRun, trace: Trace) -> Metered:
    return Metered(load, trace, energy(trace, windows_of(load), load.inferences))


def windows_of(load: LoadRun) -> Windows:
    """On our clock, which is the meter's too."""
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
