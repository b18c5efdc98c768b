"""The figure of one process, its interval, and when it is known well enough."""

import numpy as np
import pytest

from evaluators.device.program.statistics import NORMAL_95, correlation_time, median_interval, student_95
from evaluators.device.program.timing import StoppingRule

STEADY = [100.0, 101.0, 99.0, 100.5] * 10


def looks(rule: StoppingRule) -> list[bool]:
    return [rule.enough(STEADY, spent_ns) for spent_ns in (100, 200, 300)]


def test_a_figure_that_stays_above_what_is_hopeless_ends_the_run() -> None:
    assert looks(StoppingRule(1e-6, 0, hopeless_above_ns=90.0)) == [False, True, True]


@pytest.mark.parametrize("hopeless_above_ns", [100.0, 110.0])
def test_a_figure_that_may_be_below_what_is_hopeless_does_not(hopeless_above_ns: float) -> None:
    assert not any(looks(StoppingRule(1e-6, 0, hopeless_above_ns=hopeless_above_ns)))


def test_a_figure_is_not_hopeless_by_itself() -> None:
    assert not any(looks(StoppingRule(1e-6, 0)))


@pytest.mark.parametrize("degrees", range(1, 61))
def test_students_factor_falls_towards_the_normal_one(degrees: int) -> None:
    assert student_95(degrees) > student_95(degrees + 1) > NORMAL_95


def test_students_factor_is_that_of_the_tables() -> None:
    assert [student_95(n) for n in (1, 4, 20, 40)] == pytest.approx([12.71, 2.776, 2.086, 2.021], abs=5e-3)


def test_values_that_come_in_rows_count_less() -> None:
    random = np.random.default_rng(0)
    apart = random.normal(size=200)
    rows = np.repeat(random.normal(size=20), 10)
    assert correlation_time(apart.tolist(), 0.0) < 2
    assert 5 < correlation_time(rows.tolist(), 0.0) < 20


def test_equal_values_have_an_interval_of_no_width() -> None:
    assert median_interval([2.0] * 40) == (2.0, 2.0, 2.0)


def test_one_value_says_next_to_nothing() -> None:
    assert median_interval([2.0]) == (2.0, 0.0, 4.0)


@pytest.mark.parametrize("count", [2, 3, 5, 8, 40])
def test_the_interval_contains_the_median(count: int) -> None:
    values = np.random.default_rng(count).lognormal(size=count).tolist()
    centre, low, high = median_interval(values)
    assert centre == np.median(values)
    assert low < centre < high
