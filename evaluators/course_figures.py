"""The course's protocol: what its script took, as figures. They stand beside ours and are ranked with nothing."""

import math
from dataclasses import dataclass, replace

from evaluators.device.cleanliness import dirt
from evaluators.device.device import CourseRun, DeviceInfo
from evaluators.power.energy import Energy
from evaluators.power.estimate import PowerModel
from evaluators.provenance import Kind, Provenance
from evaluators.runtimes.runtime import RUNTIMES
from evaluators.runtimes.settings import RuntimeSettings

WHOLE = "whole script"


@dataclass(frozen=True, slots=True, kw_only=True)
class CourseFigures:
    """Latency is the mean of `run()` alone; energy and time per image are the whole script's share."""

    images: int
    correct: int
    latency_s: float
    latency_provenance: Provenance
    # The whole script's: Python's start, imports, session, decoding.
    script_s: float
    script_cpu_s: float
    # The energy of an image.
    energy: "ScriptEnergy"
    # The whole script's peak, imports included.
    memory_bytes: int
    dirty: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def accuracy(self) -> float:
        return self.correct / self.images


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptEnergy:
    """What an image takes of the whole script; interval and idle power are a meter's alone."""

    total_j: float
    interval_j: tuple[float, float] | None = None
    mean_w: float
    max_w: float
    idle_w: float | None = None
    provenance: Provenance
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Part:
    """A part of a script, as far as power goes."""

    wall_s: float
    cpu_s: float


def estimated_script(run: CourseRun, power: PowerModel) -> ScriptEnergy:
    loop = _Part(run.loop_wall_s, run.loop_cpu_s)
    return ScriptEnergy(
        total_j=power.watts(run) * run.wall_s / len(run.latencies_s),
        mean_w=power.watts(run),
        max_w=max(power.watts(run), power.watts(loop)),
        provenance=power.provenance.noting(WHOLE),
    )


def measured_script(energy: Energy, meter: Provenance) -> ScriptEnergy:
    return ScriptEnergy(
        total_j=energy.total_j,
        interval_j=(energy.total_low_j, energy.total_high_j),
        mean_w=energy.mean_w,
        max_w=energy.max_w,
        idle_w=energy.idle_w,
        provenance=meter.noting(f"course protocol: {WHOLE}"),
        warnings=energy.warnings,
    )


def course_figures(
    run: CourseRun, energy: ScriptEnergy, *, info: DeviceInfo, runtime: RuntimeSettings
) -> CourseFigures:
    images = len(run.latencies_s)
    framework, call = info.framework(runtime.runtime) or info.runtime, RUNTIMES.get(runtime.runtime).course_call
    # The script starts on an idle board, whose clock says nothing of what it falls to.
    steady = replace(run, before=replace(run.before, clock_hz=None))
    return CourseFigures(
        images=images,
        correct=run.correct,
        latency_s=math.fsum(run.latencies_s) / images,
        latency_provenance=Provenance(
            Kind.MEASURED,
            f"{info.model}, {framework}, course protocol: mean of {call} over {images:,} PNG files",
        ),
        script_s=run.wall_s,
        script_cpu_s=run.cpu_s,
        energy=energy,
        memory_bytes=run.memory_peak_bytes,
        dirty=tuple(dirt(steady, cores=info.cores, threads=runtime.threads)),
        warnings=(*run.warnings, *energy.warnings),
    )
