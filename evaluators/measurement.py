"""Measurement: what the processes saw, and the figures worked out from it."""

import json
import math
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Right answers of a deployed file on one split, and who worked them out."""

    correct: int
    total: int
    engine: str

    @property
    def share(self) -> float:
        return self.correct / self.total

    @property
    def standard_error(self) -> float:
        return math.sqrt(self.share * (1 - self.share) / self.total)


J_PER_MWH = 3.6
# As other studies count.
BATCH = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is ranked and shown; every figure of one inference, with its provenance."""

    latency_s: float
    latency_low_s: float
    latency_high_s: float
    # The plain mean, as the contest defines latency.
    latency_mean_s: float
    latency_provenance: str
    energy_j: float
    energy_dynamic_j: float
    energy_low_j: float
    energy_high_j: float
    energy_provenance: str
    mean_power_w: float
    max_power_w: float
    # Beside the load, as the meter saw it.
    idle_power_w: float | None = None
    memory_bytes: int
    memory_anonymous_bytes: int | None
    processes: int
    inferences: int
    framework: str
    # Of the board that measured it.
    serial: str = ""
    # The reference's figures nearest in time; None where this is the reference.
    reference_latency_s: float | None = None
    reference_energy_j: float | None = None
    # Why it must not lead.
    dirty: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def batch_mwh(self) -> float:
        """Of 2,000 inferences."""
        return self.energy_j * BATCH / J_PER_MWH

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Figures":
        values: dict[str, Any] = json.loads(text)
        for name in ("dirty", "warnings"):
            values[name] = tuple(values[name])
        return cls(**values)
