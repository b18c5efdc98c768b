"""Power and energy without a meter."""

from dataclasses import dataclass

import pytest

from evaluators.power.estimate import DEFAULT_MODEL, POWER_MODELS, PowerModel, estimate, power_model_of


@dataclass(frozen=True)
class Took:
    wall_s: float
    cpu_s: float


def test_a_3b_plus_takes_5_1_w_with_four_cores_busy() -> None:
    assert DEFAULT_MODEL.watts(Took(1, 0)) == pytest.approx(1.9)
    assert DEFAULT_MODEL.watts(Took(1, 4)) == pytest.approx(5.1)


def test_the_provenance_names_the_board_and_its_constants() -> None:
    expected = "estimated (power model of Raspberry Pi 3B+: 1.90 W idle + 0.80 W per busy core)"
    assert str(DEFAULT_MODEL.provenance) == expected


@pytest.mark.parametrize(
    ("board", "name"),
    [
        ("Raspberry Pi 3 Model B Plus Rev 1.3", "Raspberry Pi 3B+"),
        ("Raspberry Pi 4 Model B Rev 1.5", "Raspberry Pi 4B"),
        ("Raspberry Pi 5 Model B Rev 1.0", "Raspberry Pi 5"),
        ("AMD EPYC 7B13", "Raspberry Pi 3B+"),
    ],
)
def test_a_board_has_its_own_row_and_any_other_machine_the_contests(board: str, name: str) -> None:
    assert power_model_of(board).name == name


def test_every_row_says_where_it_comes_from_and_counts_busy_cores() -> None:
    for model in POWER_MODELS.values():
        assert model.source
        assert model.core_w > 0.5


def test_energy_is_mean_power_times_latency() -> None:
    power = estimate([Took(2.0, 2.0)], PowerModel("board", 2.0, 1.0, "test"))
    assert power.total_j(0.01) == pytest.approx(0.03)
    assert power.dynamic_j(0.01) == pytest.approx(0.01)


def test_longer_processes_weigh_more_and_the_greediest_is_the_maximum() -> None:
    power = estimate([Took(3.0, 3.0), Took(1.0, 4.0)], PowerModel("board", 2.0, 1.0, "test"))
    assert power.mean_w == pytest.approx((3 * 3 + 1 * 6) / 4)
    assert power.max_w == pytest.approx(6.0)


def test_waiting_threads_cost_nothing_and_spinning_ones_do() -> None:
    waiting, spinning = estimate([Took(1.0, 1.0)]), estimate([Took(1.0, 4.0)])
    assert spinning.mean_w > 1.5 * waiting.mean_w


def test_no_process_has_no_power() -> None:
    with pytest.raises(ValueError, match="no process"):
        estimate([])
