"""What makes a run dirty, and what does not."""

from dataclasses import replace

import pytest

from evaluators.device.cleanliness import dirt
from evaluators.device.device import BoardState
from tests.evaluators.device.runs import process_run

QUIET = BoardState(temperature_c=50, clock_hz=1.4e9, others_cores=0.05, stolen_cores=0.01, load=1, throttled=0)


def reasons(
    before: BoardState = QUIET,
    after: BoardState = QUIET,
    *,
    during: BoardState | None = None,
    cores: int = 4,
    threads: int = 1,
) -> str:
    return "; ".join(dirt(process_run(before=before, after=after, during=during), cores=cores, threads=threads))


def test_a_quiet_board_is_clean() -> None:
    assert reasons(during=QUIET) == ""


def test_a_board_that_says_nothing_is_clean() -> None:
    assert reasons(BoardState(), BoardState(), during=BoardState()) == ""


def test_a_run_recorded_without_looks_in_between_is_judged_by_its_ends() -> None:
    assert reasons(during=None) == ""


@pytest.mark.parametrize("bit", range(4))
def test_each_bit_of_now_is_dirt_before_in_between_or_after(bit: int) -> None:
    set_now = BoardState(throttled=1 << bit)
    assert reasons(before=set_now)
    assert reasons(during=set_now)
    assert reasons(after=set_now)


def test_a_bit_that_stays_set_is_one_reason() -> None:
    set_now = BoardState(throttled=1)
    assert reasons(set_now, set_now, during=set_now) == "under-voltage"


@pytest.mark.parametrize("bit", range(16, 20))
def test_each_bit_of_since_boot_is_dirt_only_where_it_is_new(bit: int) -> None:
    occurred = BoardState(throttled=1 << bit)
    assert reasons(BoardState(throttled=0), occurred)
    assert reasons(occurred, occurred) == ""


def test_a_bit_of_since_boot_that_was_cleared_by_reading_it_is_dirt() -> None:
    assert reasons(during=BoardState(throttled=0x40000)) == "throttled in between at 50 °C"


def test_other_bits_mean_nothing() -> None:
    assert reasons(after=BoardState(throttled=0xFFF0FFF0)) == ""


def test_throttling_says_how_hot_it_was() -> None:
    assert reasons(after=BoardState(throttled=8, temperature_c=62.2)) == "soft temperature limit at 62 °C"


def test_throttling_says_the_hottest_there_was() -> None:
    assert reasons(during=BoardState(throttled=4, temperature_c=81.6)) == "throttled at 82 °C"


def test_heat_alone_is_no_dirt() -> None:
    assert reasons(after=BoardState(temperature_c=79, throttled=0)) == ""


def test_a_fall_of_the_clock_is_dirt() -> None:
    fast, slow = BoardState(clock_hz=1.4e9), BoardState(clock_hz=1.2e9)
    assert reasons(fast, slow) == "clock fell from 1400 to 1200 MHz"
    assert reasons(slow, fast) == ""
    assert reasons(BoardState(clock_hz=4.7e9), BoardState(clock_hz=4.5e9)) == ""


def test_a_clock_that_fell_and_recovered_is_dirt() -> None:
    assert reasons(during=BoardState(clock_hz=0.6e9)) == "clock fell from 1400 to 600 MHz"


@pytest.mark.parametrize(
    ("threads", "others", "clean"), [(1, 3.2, True), (1, 3.3, False), (4, 0.2, True), (4, 0.3, False), (3, 1.2, True)]
)
def test_others_may_use_the_cores_that_the_model_leaves(threads: int, others: float, clean: bool) -> None:
    assert (reasons(after=BoardState(others_cores=others), threads=threads) == "") is clean


def test_the_neighbour_is_named() -> None:
    crowded = replace(QUIET, others_cores=1.8, neighbour="python3 (pid 1234, lena)")
    assert reasons(after=crowded, threads=4) == (
        "others used 1.8 of 4 cores (python3 (pid 1234, lena)), the model asks for 4"
    )


@pytest.mark.parametrize(("threads", "stolen", "clean"), [(1, 0.09, True), (1, 0.11, False), (2, 0.19, True)])
def test_a_hypervisor_may_steal_a_tenth(threads: int, stolen: float, clean: bool) -> None:
    assert (reasons(after=BoardState(stolen_cores=stolen), threads=threads) == "") is clean


def test_more_threads_than_cores_are_no_dirt() -> None:
    assert reasons(cores=2, threads=4) == ""
    assert "others used" in reasons(after=replace(QUIET, others_cores=0.5), cores=2, threads=4)
