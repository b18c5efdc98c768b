"""What makes measurements comparable: which board it was, and which it does not matter."""

from dataclasses import replace

from evaluators.bench import Bench, bench_of
from tests.evaluators.device.runs import INFO

METER = "power model"
BOARD = replace(INFO, on_this_machine=False)


def test_two_boards_of_one_kind_are_two_benches() -> None:
    first, second = (
        bench_of(replace(BOARD, serial=serial), METER) for serial in ("00000000abcdef01", "00000000abcdef02")
    )
    assert first.id != second.id
    assert first.differences(second) == [f"unit ({first.unit}, {second.unit})"]
    assert first.differences(second, ignoring=("unit",)) == []
    assert bench_of(replace(BOARD, serial="00000000abcdef01"), METER) == first


def test_a_bench_tells_its_board_by_a_hash_and_a_recording_of_it_is_the_same_bench() -> None:
    bench = bench_of(BOARD, METER)
    assert bench.unit.startswith("sha256:")
    assert BOARD.serial not in bench.unit
    assert bench_of(replace(BOARD, serial=bench.unit, recorded=True), METER).id == bench.id


def test_this_machine_is_the_same_bench_whatever_it_is_called() -> None:
    assert bench_of(replace(INFO, serial="lena-laptop"), METER).id == bench_of(replace(INFO, serial="x"), METER).id


def test_a_bench_of_an_older_version_keeps_its_id() -> None:
    bench = bench_of(INFO, METER)
    assert Bench.from_json(bench.to_json().replace(', "unit": ""', "")).id == bench.id
    assert bench.unit == ""
