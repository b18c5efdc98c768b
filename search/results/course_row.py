"""CourseRow: a measurement by the course's protocol, as it is shown and handed on beside ours."""

from dataclasses import asdict, dataclass
from typing import Any

from evaluators.course_figures import CourseFigures
from evaluators.provenance import Provenance
from search.scoring.objectives import fom


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseRow:
    """A row in the units of a person: ms, mJ, W, MB; accuracy stays a fraction."""

    images: int
    accuracy: float
    latency_ms: float
    latency_provenance: Provenance
    script_s: float
    script_cpu_s: float
    script_ms_per_image: float
    energy_mj: float
    # None: estimated.
    energy_ci_mj: tuple[float, float] | None
    energy_provenance: Provenance
    fom: float
    max_power_w: float
    mean_power_w: float
    idle_power_w: float | None
    memory_mb: float
    dirty: bool

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {
            "latency_provenance": str(self.latency_provenance),
            "energy_provenance": str(self.energy_provenance),
        }


def course_row(figures: CourseFigures) -> CourseRow:
    energy = figures.energy
    return CourseRow(
        images=figures.images,
        accuracy=figures.accuracy,
        latency_ms=1e3 * figures.latency_s,
        latency_provenance=figures.latency_provenance,
        script_s=figures.script_s,
        script_cpu_s=figures.script_cpu_s,
        script_ms_per_image=1e3 * figures.script_s / figures.images,
        energy_mj=1e3 * energy.total_j,
        energy_ci_mj=(1e3 * energy.interval_j[0], 1e3 * energy.interval_j[1]) if energy.interval_j else None,
        energy_provenance=energy.provenance,
        fom=fom(figures.accuracy, figures.latency_s, energy.total_j),
        max_power_w=energy.max_w,
        mean_power_w=energy.mean_w,
        idle_power_w=energy.idle_w,
        memory_mb=figures.memory_bytes / 1e6,
        dirty=bool(figures.dirty),
    )
