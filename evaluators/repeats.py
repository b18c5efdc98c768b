"""Repeats: models that a bench timed again and again, and what they teach about the figures of one more.

How much processes differ is a matter of the model, above all of its size: on one virtual machine the figures of a
network of 80 us spread twice as widely as those of 15 us and of 500 us, and those of two networks of 80 us equally. So
the nearest in latency teach; and because the machine's speed drifts, they are timed again all the while.
"""

import math
from dataclasses import dataclass, field
from pathlib import Path

from evaluators.latency import Interval, Spread, TimedRuns, process_interval, spread_of
from evaluators.runtimes.settings import RuntimeSettings

# Degrees of freedom with which a standard deviation is known to 1 / sqrt(2 x 30) = 13 %, and Student's factor (2.04) is
# near the normal one.
ENOUGH_DEGREES = 30
# Timings of this many neighbours take turns: one model alone may be more unsteady, or less, than its neighbours.
NEIGHBOURS = 3
# All models within this factor of the latency teach; farther ones only as long as enough is not known without them.
NEAR = 4 / 3
# The latest processes of a model are kept, at most so many: the machine of hours ago was in another state.
LATEST = 100


@dataclass
class Repeated:
    """A model in one setting of the runtime, and what its processes said, the latest last."""

    file: Path
    runtime: RuntimeSettings
    processes: list[Interval] = field(default_factory=list)

    @property
    def latency_s(self) -> float:
        figures = sorted(figure for figure, _, _ in self.processes)
        return figures[len(figures) // 2]


@dataclass
class Repeats:
    """The repeated models of one board."""

    _models: dict[tuple[Path, RuntimeSettings], Repeated] = field(default_factory=dict)

    def add(self, file: Path, runtime: RuntimeSettings, run: TimedRuns) -> None:
        repeated = self._models.setdefault((file, runtime), Repeated(file, runtime))
        repeated.processes = [*repeated.processes, process_interval(run)][-LATEST:]

    def to_be_repeated(self, file: Path, runtime: RuntimeSettings, latency_s: float) -> Repeated | None:
        """The one that was timed least often among the nearest neighbours whose file is still here."""
        nearest = [other for other in self._nearest(file, runtime, latency_s) if other.file.exists()][:NEIGHBOURS]
        return min(nearest, key=lambda other: len(other.processes), default=None)

    def spread(self, file: Path, runtime: RuntimeSettings, latency_s: float) -> Spread:
        """How much processes of a model of this latency differ, as its neighbours say; its own are not asked."""
        gathered: list[list[Interval]] = []
        degrees = 0
        for other in self._nearest(file, runtime, latency_s):
            near = 1 / NEAR <= other.latency_s / latency_s <= NEAR
            processes = other.processes if near else other.processes[-max(ENOUGH_DEGREES - degrees + 1, 1) :]
            if len(processes) > 1:
                gathered.append(processes)
                degrees += len(processes) - 1
        return spread_of(gathered)

    def _nearest(self, file: Path, runtime: RuntimeSettings, latency_s: float) -> list[Repeated]:
        """Other models at as many threads of the same runtime, nearest by ratio of latencies first; where there are
        none, all others."""
        others = [model for key, model in self._models.items() if key != (file, runtime)]
        own = (runtime.runtime, runtime.threads)
        alike = [other for other in others if (other.runtime.runtime, other.runtime.threads) == own]
        return sorted(alike or others, key=lambda other: abs(math.log(other.latency_s / latency_s)))
