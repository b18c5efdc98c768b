"""Energy without a meter: a named board's power at idle and per busy core, and how busy the process kept the cores."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from evaluators.provenance import Kind, Provenance


class CpuTimed(Protocol):
    """What one process took, as far as power goes."""

    @property
    def wall_s(self) -> float: ...

    @property
    def cpu_s(self) -> float: ...


@dataclass(frozen=True, slots=True)
class PowerModel:
    """P = idle + per core x cores busy. A constant wattage is not a model: it would make energy latency again."""

    name: str
    idle_w: float
    core_w: float
    # Where the figures come from.
    source: str

    @property
    def title(self) -> str:
        return f"power model of {self.name}: {self.idle_w:.2f} W idle + {self.core_w:.2f} W per busy core"

    @property
    def provenance(self) -> Provenance:
        return Provenance(Kind.ESTIMATED, self.title)

    def watts(self, run: CpuTimed) -> float:
        return self.idle_w + self.core_w * busy_cores(run)


def _four_cores(name: str, *, idle_w: float, busy_w: float, source: str) -> PowerModel:
    """A model from what a board takes idle, and with its four cores busy."""
    return PowerModel(name, idle_w, (busy_w - idle_w) / 4, source)


RASPBERRY_PI_3B_PLUS = _four_cores(
    "Raspberry Pi 3B+", idle_w=1.9, busy_w=5.1, source="pidramble.com, power consumption benchmarks: bare board, stress"
)
DEFAULT_MODEL = RASPBERRY_PI_3B_PLUS
# Each by the beginning of what /proc/device-tree/model says. The Zero 2 W is missing: its busy power is not published.
POWER_MODELS: dict[str, PowerModel] = {
    "Raspberry Pi 3 Model B Plus": RASPBERRY_PI_3B_PLUS,
    "Raspberry Pi 4 Model B": _four_cores(
        "Raspberry Pi 4B", idle_w=2.7, busy_w=6.25, source="pidramble.com and raspberrypi.com: 540 mA, 1.25 A"
    ),
    "Raspberry Pi 5": _four_cores(
        "Raspberry Pi 5", idle_w=3.3, busy_w=9.8, source="hardwareluxx.de news 64340 (Geerling): C0 stepping"
    ),
}


def power_model_of(board: str) -> PowerModel:
    """The power model of a board; any other machine stands in for the contest's board."""
    for beginning, model in POWER_MODELS.items():
        if board.startswith(beginning):
            return model
    return DEFAULT_MODEL


@dataclass(frozen=True, slots=True, kw_only=True)
class EstimatedPower:
    """The power while a model runs; its energy per inference once its latency is known."""

    mean_w: float
    # The power above idle.
    dynamic_w: float
    # The power of the process that took most.
    max_w: float

    def total_j(self, latency_s: float) -> float:
        """The energy of one inference, as the contest counts it."""
        return self.mean_w * latency_s

    def dynamic_j(self, latency_s: float) -> float:
        """The energy of one inference above idle."""
        return self.dynamic_w * latency_s


def estimate(runs: Sequence[CpuTimed], model: PowerModel = DEFAULT_MODEL) -> EstimatedPower:
    """The mean of all processes that ran one candidate, weighted by how long each ran."""
    if not runs:
        raise ValueError("power of no process at all")
    mean_w = math.fsum(model.watts(run) * run.wall_s for run in runs) / math.fsum(run.wall_s for run in runs)
    return EstimatedPower(mean_w=mean_w, dynamic_w=mean_w - model.idle_w, max_w=max(model.watts(run) for run in runs))


def busy_cores(run: CpuTimed) -> float:
    return run.cpu_s / run.wall_s
