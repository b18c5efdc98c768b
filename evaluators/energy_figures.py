"""Energy of one inference, as figures: measured by a meter, predicted from what a bench takes, or estimated."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from evaluators.latency import Latency
from evaluators.metered import combined
from evaluators.power.energy import Energy
from evaluators.power.estimate import CpuTimed, PowerModel, busy_cores, estimate
from evaluators.provenance import Kind, Provenance

# Loads that keep the cores busy to within so much take the same power.
ALIKE_CORES = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class EnergyFigures:
    total_j: float
    dynamic_j: float
    low_j: float
    high_j: float
    mean_w: float
    max_w: float
    # None of an estimate: what that says of idle power is an assumption.
    idle_w: float | None = None
    provenance: Provenance
    # Energy by the trapezoidal rule; None where no meter read it.
    integrated_j: float | None = None
    warnings: tuple[str, ...] = ()


def measured_energy(energies: Sequence[Energy], provenance: Provenance) -> EnergyFigures:
    energy = combined(energies)
    return EnergyFigures(
        total_j=energy.total_j,
        dynamic_j=energy.dynamic_j,
        low_j=energy.total_low_j,
        high_j=energy.total_high_j,
        mean_w=energy.mean_w,
        max_w=energy.max_w,
        idle_w=energy.idle_w,
        provenance=provenance,
        integrated_j=energy.integrated_j,
        warnings=energy.warnings,
    )


@dataclass(frozen=True, slots=True)
class Taken:
    """What a load took of this bench."""

    busy_cores: float
    mean_w: float
    idle_w: float


def predicted_energy(figure: Latency, runs: Sequence[CpuTimed], loads: Sequence[Taken]) -> EnergyFigures:
    """Latency x the watts of the loads that kept about as many cores busy."""
    busy = fmean(busy_cores(run) for run in runs)
    nearest = min(abs(load.busy_cores - busy) for load in loads)
    alike = [load for load in loads if abs(load.busy_cores - busy) <= nearest + ALIKE_CORES]
    mean_w = fmean(load.mean_w for load in alike)
    return EnergyFigures(
        total_j=mean_w * figure.figure_s,
        dynamic_j=fmean(load.mean_w - load.idle_w for load in alike) * figure.figure_s,
        low_j=min(load.mean_w for load in alike) * figure.low_s,
        high_j=max(load.mean_w for load in alike) * figure.high_s,
        mean_w=mean_w,
        max_w=max(load.mean_w for load in alike),
        idle_w=fmean(load.idle_w for load in alike),
        provenance=Provenance(Kind.PREDICTED, f"latency x {mean_w:.2f} W, measured on this bench"),
    )


def estimated_energy(figure: Latency, runs: Sequence[CpuTimed], model: PowerModel) -> EnergyFigures:
    power = estimate(runs, model)
    return EnergyFigures(
        total_j=power.total_j(figure.figure_s),
        dynamic_j=power.dynamic_j(figure.figure_s),
        low_j=power.total_j(figure.low_s),
        high_j=power.total_j(figure.high_s),
        mean_w=power.mean_w,
        max_w=power.max_w,
        provenance=model.provenance,
    )
