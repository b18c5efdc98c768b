"""Subject and Measured: the file that is examined, and what its processes and the meter said of it."""

from dataclasses import dataclass
from pathlib import Path

from evaluators.device.device import ProcessRun
from evaluators.measurement import Figures
from evaluators.metered import Metered
from evaluators.raw_runs import text_of
from evaluators.runtimes.settings import RuntimeSettings


@dataclass(frozen=True, slots=True)
class Subject:
    """A file, and how it is to be run."""

    name: str
    file: Path
    runtime: RuntimeSettings
    # The normalisation for a file that takes normalised images instead of raw ones; ours never do.
    mean: tuple[float, ...] | None = None
    std: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Measured:
    figures: Figures
    runs: tuple[ProcessRun, ...]
    # What the board did and the meter said; of a candidate in the race, where there is a meter.
    loads: tuple[Metered, ...] = ()

    @property
    def raw(self) -> str:
        return text_of(self.runs)

    @property
    def traces(self) -> tuple[str, ...]:
        """What the meter said, and when what was going on: energy can be worked out from it again."""
        return tuple(load.to_text() for load in self.loads)

    @property
    def predictions(self) -> tuple[int, ...]:
        return self.runs[0].predictions
