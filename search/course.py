"""CourseRow: a measurement by the course's protocol, as it is shown and handed on beside ours."""

from dataclasses import asdict, dataclass
from typing import Any

from evaluators.course import CourseFigures
from search.objectives import fom


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseRow:
    """In the units of a person: ms, mJ, W, MB; accuracy stays a fraction."""

    images: int
    accuracy: float
    latency_ms: float
    latency_provenance: str
    script_s: float
    script_cpu_s: float
    script_ms_per_image: float
    energy_mj: float
    energy_provenance: str
    fom: float
    max_power_w: float
    memory_mb: float
    dirty: bool

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def course_row(figures: CourseFigures) -> CourseRow:
    return CourseRow(
        images=figures.images,
        accuracy=figures.accuracy,
        latency_ms=1e3 * figures.latency_s,
        latency_provenance=figures.latency_provenance,
        script_s=figures.script_s,
        script_cpu_s=figures.script_cpu_s,
        script_ms_per_image=1e3 * figures.script_s / figures.images,
        energy_mj=1e3 * figures.energy_j,
        energy_provenance=figures.energy_provenance,
        fom=fom(figures.accuracy, figures.latency_s, figures.energy_j),
        max_power_w=figures.max_power_w,
        memory_mb=figures.memory_bytes / 1e6,
        dirty=bool(figures.dirty),
    )
