"""Packing: runs come back from text as they were."""

import pytest

from evaluators.device.device import BoardState
from evaluators.device.on_board.fields import GarbledError
from evaluators.device.on_board.packing import pack, unpack
from tests.evaluators.device.runs import process_run


@pytest.mark.parametrize("latency_s", [1e-9, 0.0015, 3.999999999, 12.345678901])
def test_a_run_comes_back_as_it_was_to_the_nanosecond(latency_s: float) -> None:
    run = process_run(
        (latency_s, 0.001, 0.5), block_starts=(0, 2), course_s=latency_s, predictions=(9, 0, 3), warnings=("hot",)
    )
    assert unpack(pack([run, run])) == (run, run)


@pytest.mark.parametrize("text", ["", "{}", "[1]", "[{}]", '"'])
def test_text_that_holds_no_runs_is_refused(text: str) -> None:
    with pytest.raises(GarbledError):
        unpack(text)


def test_what_was_seen_in_between_and_who_was_beside_come_back() -> None:
    during = BoardState(temperature_c=61.5, clock_hz=1.2e9, load=2.5, throttled=0x80008)
    run = process_run(during=during, after=BoardState(neighbour="python3 (pid 1234, lena)"))
    assert unpack(pack([run])) == (run,)
