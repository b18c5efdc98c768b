"""Energy as figures: measured, predicted from what this bench takes, or estimated."""

from dataclasses import dataclass, replace

import pytest

from evaluators.energy_figures import Taken, estimated_energy, measured_energy, predicted_energy
from evaluators.latency import Latency
from evaluators.metered import combined
from evaluators.power.energy import Energy
from evaluators.power.estimate import DEFAULT_MODEL
from evaluators.provenance import Kind, Provenance

METERED = Provenance(Kind.MEASURED, "meter")
FIGURE = Latency(figure_s=0.002, low_s=0.0019, high_s=0.0021, mean_s=0.002, processes=1, samples=100)


@dataclass(frozen=True)
class Run:
    wall_s: float
    cpu_s: float


def energy(total_j: float, half_j: float = 1e-5) -> Energy:
    return Energy(
        total_j=total_j,
        total_low_j=total_j - half_j,
        total_high_j=total_j + half_j,
        dynamic_j=total_j / 2,
        dynamic_low_j=total_j / 2 - half_j,
        dynamic_high_j=total_j / 2 + half_j,
        integrated_j=total_j,
        mean_w=total_j / 0.002,
        max_w=total_j / 0.002 + 0.1,
        idle_w=1.0,
        idle_drift_w=0.0,
        window_s=60,
        inferences=30_000,
        readings=58,
        lost=0,
    )


def test_predicted_is_latency_times_the_watts_of_who_kept_as_many_cores_busy():
    loads = [Taken(1.0, 3.0, 2.0), Taken(1.1, 3.2, 2.0), Taken(3.9, 6.0, 2.0)]
    one_core = predicted_energy(FIGURE, [Run(1.0, 1.05)], loads)
    four_cores = predicted_energy(FIGURE, [Run(1.0, 3.6)], loads)
    assert one_core.total_j == pytest.approx(0.002 * 3.1)
    assert one_core.dynamic_j == pytest.approx(0.002 * 1.1)
    assert four_cores.total_j == pytest.approx(0.002 * 6.0)
    assert one_core.low_j < one_core.total_j < one_core.high_j
    assert str(one_core.provenance) == "predicted (latency x 3.10 W, measured on this bench)"


def test_each_says_of_which_kind_it_is():
    assert measured_energy([energy(0.006)], METERED).provenance == METERED
    assert estimated_energy(FIGURE, [Run(1, 1)], DEFAULT_MODEL).provenance.kind is Kind.ESTIMATED


def test_several_loads_that_agree_are_known_better_than_one():
    one_load, three_loads = energy(0.006), combined([energy(0.006)] * 3)
    assert three_loads.total_j == pytest.approx(0.006)
    assert three_loads.relative_half_width == pytest.approx(one_load.relative_half_width / 3**0.5)


def test_several_loads_that_differ_are_known_as_badly_as_they_differ():
    three = combined([energy(0.005), energy(0.006), energy(0.007)])
    assert three.total_j == pytest.approx(0.006)
    # Student's 4.30 x the deviation of 1 mJ / sqrt(3).
    assert three.total_high_j - three.total_j == pytest.approx(4.30 * 0.001 / 3**0.5, rel=0.01)


def test_a_warning_of_any_load_is_kept_once():
    loads = [replace(energy(0.006), warnings=("gap",)), energy(0.006), replace(energy(0.006), warnings=("gap",))]
    assert combined(loads).warnings == ("gap",)
