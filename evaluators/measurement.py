"""Measurement: what the processes saw, and the figures worked out from it."""

import json
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace

from evaluators.confidence import NORMAL_95
from evaluators.provenance import Provenance
from space.json_text import from_json

# An answer above this is no class, and no reason for a table of that size.
_MOST_CLASSES = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """Right answers of a deployed file on one split, and who worked them out."""

    correct: int
    total: int
    engine: str
    # Images by class, a row each, and by what the file says of them; None where it was stored without.
    confusion: tuple[tuple[int, ...], ...] | None = None

    @classmethod
    def of(cls, predicted: Sequence[int], labels: Sequence[int], engine: str) -> "Accuracy":
        """The accuracy, from the answer to each image and its class."""
        pairs = Counter(zip(labels, predicted, strict=True))
        count = 1 + max(max(pair) for pair in pairs)
        return cls(
            correct=sum(times for (label, answer), times in pairs.items() if label == answer),
            total=len(labels),
            engine=engine,
            confusion=tuple(tuple(pairs[label, answer] for answer in range(count)) for label in range(count))
            if count <= _MOST_CLASSES
            else None,
        )

    @classmethod
    def from_json(cls, text: str) -> "Accuracy":
        return from_json(cls, text)

    def to_json(self) -> str:
        return json.dumps(asdict(self))

    @property
    def share(self) -> float:
        return self.correct / self.total

    @property
    def standard_error(self) -> float:
        return math.sqrt(self.share * (1 - self.share) / self.total)

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson's 95 % interval: it holds near 0 and 1 too, and never leaves them."""
        z2 = NORMAL_95**2
        centre = (self.correct + z2 / 2) / (self.total + z2)
        variance = self.share * (1 - self.share) * self.total + z2 / 4
        half = NORMAL_95 * math.sqrt(variance) / (self.total + z2)
        return max(0.0, centre - half), min(1.0, centre + half)

    @property
    def per_class(self) -> tuple[float | None, ...] | None:
        """Share of right answers among the images of each class; None for a class without images."""
        if self.confusion is None:
            return None
        return tuple(row[label] / sum(row) if any(row) else None for label, row in enumerate(self.confusion))


J_PER_MWH = 3.6
# How many inferences other studies give an energy for.
BATCH = 2000
# Fields of `Figures` that are stored as text.
_PROVENANCES = ("latency_provenance", "energy_provenance")


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What is ranked and shown; every figure of one inference, with its provenance."""

    latency_s: float
    latency_low_s: float
    latency_high_s: float
    # The plain mean, as the contest defines latency.
    latency_mean_s: float
    # What the course's script times of it, which ranks nothing. None: all of it, as in stores of older versions.
    course_latency_s: float | None = None
    latency_provenance: Provenance
    energy_j: float
    energy_dynamic_j: float
    energy_low_j: float
    energy_high_j: float
    energy_provenance: Provenance
    # Energy by the trapezoidal rule over a meter's readings, not by their mean; None where no meter read it.
    energy_integrated_j: float | None = None
    mean_power_w: float
    max_power_w: float
    # The power beside the load, as the meter saw it.
    idle_power_w: float | None = None
    memory_bytes: int
    memory_anonymous_bytes: int | None
    processes: int
    inferences: int
    framework: str
    # The board's that measured it.
    serial: str = ""
    # The reference's figures nearest in time; None where this is the reference.
    reference_latency_s: float | None = None
    reference_energy_j: float | None = None
    # 95 % intervals of latency and energy over the reference's; None in stores of older versions.
    relative_latency_ci: tuple[float, float] | None = None
    relative_energy_ci: tuple[float, float] | None = None
    # Latency over that of the reference's processes right before and after, one for each process of a confirmation.
    pairs: tuple[float, ...] = ()
    # Why it must not lead.
    dirty: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def batch_mwh(self) -> float:
        """The energy of 2,000 inferences."""
        return self.energy_j * BATCH / J_PER_MWH

    @property
    def integrated_batch_mwh(self) -> float | None:
        return None if self.energy_integrated_j is None else self.energy_integrated_j * BATCH / J_PER_MWH

    @property
    def relative_latency(self) -> float:
        """Latency over the reference's nearest in time; it is compared, as machines change their speed between
        hours."""
        return self.latency_s / (self.reference_latency_s or self.latency_s)

    @property
    def relative_energy(self) -> float:
        return self.energy_j / (self.reference_energy_j or self.energy_j)

    @property
    def relative_latency_interval(self) -> tuple[float, float]:
        """Stores of older versions do not say how well the reference was known: then it is this measurement's own."""
        return self.relative_latency_ci or _scaled(
            (self.latency_low_s, self.latency_high_s), self.relative_latency / self.latency_s
        )

    @property
    def relative_energy_interval(self) -> tuple[float, float]:
        return self.relative_energy_ci or _scaled(
            (self.energy_low_j, self.energy_high_j), self.relative_energy / self.energy_j
        )

    def over_another(self, latency: float, energy: float) -> "Figures":
        """The figures over another reference, so many times as slow and as costly as the one measured beside them."""
        if self.reference_latency_s is None or self.reference_energy_j is None:
            return self
        return replace(
            self,
            reference_latency_s=self.reference_latency_s * latency,
            reference_energy_j=self.reference_energy_j * energy,
            relative_latency_ci=self.relative_latency_ci and _scaled(self.relative_latency_ci, 1 / latency),
            relative_energy_ci=self.relative_energy_ci and _scaled(self.relative_energy_ci, 1 / energy),
            pairs=tuple(pair / latency for pair in self.pairs),
        )

    def to_json(self) -> str:
        values = asdict(self) | {name: str(getattr(self, name)) for name in _PROVENANCES}
        return json.dumps(values, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Figures":
        return from_json(cls, text, dict.fromkeys(_PROVENANCES, Provenance.parse))


def _scaled(interval: tuple[float, float], factor: float) -> tuple[float, float]:
    low, high = interval
    return low * factor, high * factor
