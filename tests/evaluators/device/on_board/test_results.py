"""Results: read strictly, refused by the name of what does not hold together."""

from pathlib import Path
from typing import Any

import pytest

from evaluators.device.device import BoardState, CourseTask, Task
from evaluators.device.on_board import results
from evaluators.device.on_board.fields import GarbledError
from evaluators.device.on_board.packing import packed, result_message
from evaluators.device.on_board.results import check_answers, course_run, device_info
from evaluators.runtimes.settings import RuntimeSettings
from tests.evaluators.device.runs import INFO, process_run

TASK = Task(model=Path("m.onnx"), images=Path("i.npy"), runtime=RuntimeSettings(threads=3, spinning=True), passes=3)


COURSE = CourseTask(model=Path("m.onnx"), images=Path("i.zip"), count=3, runtime=RuntimeSettings(threads=2))


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"protocol": 2}, "protocol"),
        ({"latencies_ns": packed([])}, "latencies_ns"),
        ({"latencies_ns": packed([5, 0, 5])}, "latencies_ns"),
        ({"latencies_ns": {"type": "<u4", "base64": "AAA"}}, "latencies_ns"),
        ({"latencies_ns": {"type": "<u4", "base64": "AAAA"}}, "latencies_ns"),
        ({"latencies_ns": {"type": "<f8", "base64": ""}}, "latencies_ns"),
        ({"latencies_ns": [1, 2]}, "JSON object"),
        ({"block_starts": packed([1])}, "block_starts"),
        ({"block_starts": packed([0, 2, 2])}, "block_starts"),
        ({"block_starts": packed([0, 3])}, "block_starts"),
        ({"wall_s": 0}, "wall_s"),
        ({"wall_s": "1"}, "wall_s"),
        ({"cpu_s": -1}, "cpu_s"),
        ({"cpu_s": float("inf")}, "cpu_s"),
        ({"memory_peak_bytes": 1.5}, "memory_peak_bytes"),
        ({"memory_imports_bytes": None}, "memory_imports_bytes is missing"),
        ({"before": None}, "JSON object"),
        ({"after": {"throttled": True}}, "throttled"),
        ({"after": {"temperature_c": 4000}}, "temperature_c"),
        ({"warnings": "hot"}, "warnings"),
        ({"course_s": 0}, "course_s"),
        ({"course_s": "fast"}, "course_s"),
        ({"during": 7}, "JSON object"),
        ({"during": {"clock_hz": "fast"}}, "clock_hz"),
        ({"after": {"neighbour": 1234}}, "neighbour"),
    ],
)
def test_a_result_that_does_not_hold_together_is_refused_by_name(changes: dict[str, Any], named: str) -> None:
    message = {**result_message(process_run()), **changes}
    with pytest.raises(GarbledError, match=named):
        results.process_run(message)


def test_what_a_board_does_not_say_is_none() -> None:
    message = {**result_message(process_run()), "before": {}, "memory_anonymous_bytes": None}
    run = results.process_run(message)
    assert run.before == BoardState()
    assert run.memory_anonymous_bytes is None


def test_a_run_recorded_before_anyone_looked_in_between_is_read() -> None:
    message = result_message(process_run())
    del message["during"]
    assert results.process_run(message).during is None


def test_a_run_recorded_before_the_course_was_asked_for_counts_all_of_its_latency() -> None:
    message = result_message(process_run(course_s=0.001))
    assert results.process_run(message).course_s == 0.001
    del message["course_s"]
    assert results.process_run(message).course_s is None


def test_passes_that_were_not_all_run_are_noticed() -> None:
    with pytest.raises(GarbledError, match="2 runs and 1 predictions do not make 3 passes"):
        check_answers(TASK, process_run((0.1, 0.1), predictions=(1,)))


# What the course's script took for three images.
SCRIPT: dict[str, Any] = {
    "protocol": 1, "latencies_ns": packed([10**7, 2 * 10**7, 3 * 10**7]), "correct": 2, "wall_s": 1.5,
    "cpu_s": 1.6, "loop_wall_s": 0.1, "loop_cpu_s": 0.1, "memory_peak_bytes": 9 * 10**7, "before": {}, "after": {},
    "during": None, "warnings": [],
}  # fmt: skip


def test_the_courses_result_is_read() -> None:
    run = course_run(SCRIPT, COURSE)
    assert run.latencies_s == pytest.approx((0.01, 0.02, 0.03))
    assert (run.correct, run.wall_s, run.cpu_s, run.loop_wall_s) == (2, 1.5, 1.6, 0.1)
    assert run.before == BoardState()


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"protocol": 2}, "protocol"),
        ({"latencies_ns": packed([])}, "0 latencies are not those of 3 images"),
        ({"latencies_ns": packed([1, 2])}, "2 latencies"),
        ({"latencies_ns": packed([1, 0, 2])}, "latencies"),
        ({"correct": 4}, "correct"),
        ({"correct": True}, "correct"),
        ({"wall_s": 0}, "wall_s"),
        ({"cpu_s": -1}, "cpu_s"),
        ({"loop_wall_s": 1.6}, "its loop took 1.6 s, the whole script 1.5 s"),
        ({"loop_wall_s": 0.05}, "its loop took 0.05 s"),
        ({"loop_cpu_s": None}, "loop_cpu_s is missing"),
        ({"memory_peak_bytes": 0.5}, "memory_peak_bytes"),
        ({"before": None}, "JSON object"),
        ({"during": 7}, "JSON object"),
        ({"warnings": "hot"}, "warnings"),
    ],
)
def test_a_courses_result_that_does_not_hold_together_is_refused_by_name(changes: dict[str, Any], named: str) -> None:
    with pytest.raises(GarbledError, match=named):
        course_run({**SCRIPT, **changes}, COURSE)


def test_only_the_host_knows_the_pool() -> None:
    message = {**DESCRIPTION, "pool": "somebody else's"}
    assert device_info(message, pool=INFO.pool, on_this_machine=False).pool == "desk"


DESCRIPTION: dict[str, object] = {
    "protocol": 1, "model": "Pi", "cores": 4, "system": "Linux", "governor": "", "runtime": "onnxruntime 1.16.3",
    "serial": "1", "providers": [], "python": "3.9",
}  # fmt: skip


def test_a_device_recorded_before_it_was_asked_has_64_bits() -> None:
    info = device_info(DESCRIPTION, pool="", on_this_machine=False)
    assert (info.bits, info.machine) == (64, "")


def test_a_device_of_32_bits_says_so() -> None:
    info = device_info({**DESCRIPTION, "bits": 32, "machine": "armv7l"}, pool="", on_this_machine=False)
    assert (info.bits, info.machine) == (32, "armv7l")


def test_a_device_recorded_before_it_was_asked_reads_no_png_files() -> None:
    assert not device_info(DESCRIPTION, pool="", on_this_machine=False).reads_png
    assert device_info({**DESCRIPTION, "reads_png": True}, pool="", on_this_machine=False).reads_png


@pytest.mark.parametrize(
    "changes", [{"bits": "64"}, {"bits": 16}, {"bits": 64.0}, {"machine": 7}, {"reads_png": 1}, {"reads_png": None}]
)
def test_bits_and_machine_are_read_strictly(changes: dict[str, object]) -> None:
    with pytest.raises(GarbledError, match=next(iter(changes))):
        device_info({**DESCRIPTION, **changes}, pool="", on_this_machine=False)
