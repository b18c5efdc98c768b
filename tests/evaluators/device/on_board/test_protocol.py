"""The host's side of the conversation: what is sent parses there, what comes is read strictly."""

import asyncio
import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from evaluators.device.device import BoardState, CourseTask, Guard, RuntimeSettings, Task
from evaluators.device.on_board import answers, results
from evaluators.device.on_board.fields import GarbledError, printable
from evaluators.device.on_board.packing import pack, packed, result_message, unpack
from evaluators.device.on_board.requests import answer_limit_s, course_limit_s, course_request, measure_request
from evaluators.device.on_board.results import check_answers, course_run, device_info
from evaluators.device.program.requests import checked_request
from evaluators.errors import DeviceError
from space.errors import CandidateError
from tests.evaluators.device.runs import INFO, process_run

TASK = Task(model=Path("m.onnx"), images=Path("i.npy"), runtime=RuntimeSettings(threads=3, spinning=True), passes=3)


class Written:
    """Lines that are already there."""

    def __init__(self, *lines: object) -> None:
        self._lines = [line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines]

    async def readline(self) -> bytes:
        return self._lines.pop(0) if self._lines else b""


def answer(*lines: object) -> dict[str, object] | None:
    return asyncio.run(answers.answer(Written(*lines), device="the board", model="m.onnx", progress=None, limit_s=None))


def test_the_board_takes_what_the_host_asks() -> None:
    request = checked_request(measure_request(TASK, model="/tmp/m.onnx", images="/tmp/i.npy"))
    assert (request["model"], request["images"]) == ("/tmp/m.onnx", "/tmp/i.npy")
    assert (request["threads"], request["spinning"], request["passes"]) == (3, True, 3)


def test_the_board_takes_the_guard() -> None:
    guard = Guard(lock="/run/lock/b", lock_wait_s=7, cool_below_c=55, cool_limit_s=8, heartbeat_s=9)
    request = checked_request(measure_request(TASK, model="m", images="i", guard=guard))
    assert {name: request[name] for name in asdict(guard)} == asdict(guard)


def test_the_board_takes_the_limit_of_hope() -> None:
    task = replace(TASK, hopeless_above_s=0.025)
    assert checked_request(measure_request(task, model="m", images="i"))["hopeless_above_s"] == 0.025


def test_a_task_that_waits_is_not_given_up_before_the_board_gives_up() -> None:
    search = replace(TASK, passes=0)
    plain = answer_limit_s(search, Guard(lock_wait_s=0))
    both = answer_limit_s(search, Guard(lock_wait_s=100, cool_below_c=50, cool_limit_s=20))
    assert plain is not None
    assert both == plain + 120


def test_the_result_ends_the_conversation() -> None:
    assert answer({"event": "progress", "what": "loading", "share": 0}, {"event": "result", "x": 1}) == {
        "event": "result",
        "x": 1,
    }


def test_an_end_without_a_result_is_no_answer() -> None:
    assert answer({"event": "progress", "what": "loading", "share": 0}) is None


def test_a_line_cut_off_is_no_answer() -> None:
    assert answer(b'{"event": "result"}') is None


class Talkative:
    """Always busy, never done."""

    async def readline(self) -> bytes:
        await asyncio.sleep(0.01)
        return b'{"event": "progress", "what": "timing", "share": 0.5}\n'


def test_a_board_that_is_busy_for_ever_is_given_up() -> None:
    with pytest.raises(DeviceError, match=r"no answer while timing, after 0\.1 s in all"):
        asyncio.run(answers.answer(Talkative(), device="the board", model="m", progress=None, limit_s=0.1))


def test_the_models_fault_names_model_and_device() -> None:
    with pytest.raises(CandidateError, match=r"m\.onnx does not run on the board: no such operator"):
        answer({"event": "error", "kind": "model", "message": "no such operator"})


@pytest.mark.parametrize("kind", ["device", "weather", None])
def test_any_other_fault_is_the_devices(kind: str | None) -> None:
    with pytest.raises(DeviceError, match="the board: disk full"):
        answer({"event": "error", "kind": kind, "message": "disk full"})


def test_a_fault_in_the_callers_own_progress_stays_a_bug() -> None:
    def broken(what: str, share: float) -> None:
        raise ValueError("a bug of ours")

    lines = Written({"event": "progress", "what": "loading", "share": 0})
    with pytest.raises(ValueError, match="a bug of ours"):
        asyncio.run(answers.answer(lines, device="the board", model="m", progress=broken, limit_s=None))


def test_what_a_board_says_cannot_drive_the_terminal() -> None:
    assert printable("\x1b[2Jfull\n\0disk") == "[2Jfull  disk"
    assert len(printable("x" * 10_000)) == 600


@pytest.mark.parametrize("latency_s", [1e-9, 0.0015, 3.999999999, 12.345678901])
def test_a_run_comes_back_as_it_was_to_the_nanosecond(latency_s: float) -> None:
    run = process_run((latency_s, 0.001, 0.5), block_starts=(0, 2), predictions=(9, 0, 3), warnings=("hot",))
    assert unpack(pack([run, run])) == (run, run)


@pytest.mark.parametrize("text", ["", "{}", "[1]", "[{}]", '"'])
def test_text_that_holds_no_runs_is_refused(text: str) -> None:
    with pytest.raises(GarbledError):
        unpack(text)


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


def test_what_was_seen_in_between_and_who_was_beside_come_back() -> None:
    seen = BoardState(temperature_c=61.5, clock_hz=1.2e9, load=2.5, throttled=0x80008)
    run = process_run(during=seen, after=BoardState(neighbour="python3 (pid 1234, lena)"))
    assert unpack(pack([run])) == (run,)


def test_passes_that_were_not_all_run_are_noticed() -> None:
    with pytest.raises(GarbledError, match="2 runs and 1 predictions do not make 3 passes"):
        check_answers(TASK, process_run((0.1, 0.1), predictions=(1,)))


COURSE = CourseTask(model=Path("m.onnx"), images=Path("i.zip"), count=3, runtime=RuntimeSettings(threads=2))
# What the course's script took for three images.
SCRIPT: dict[str, Any] = {
    "protocol": 1, "latencies_ns": packed([10**7, 2 * 10**7, 3 * 10**7]), "correct": 2, "wall_s": 1.5,
    "cpu_s": 1.6, "loop_wall_s": 0.1, "loop_cpu_s": 0.1, "memory_peak_bytes": 9 * 10**7, "before": {}, "after": {},
    "during": None, "warnings": [],
}  # fmt: skip


def test_the_board_takes_what_the_host_asks_of_the_course() -> None:
    guard = Guard(lock="/run/lock/b", heartbeat_s=9)
    request = checked_request(course_request(COURSE, model="m", images="i", guard=guard))
    assert (request["do"], request["model"], request["images"], request["threads"]) == ("course", "m", "i", 2)
    assert {name: request[name] for name in asdict(guard)} == asdict(guard)


def test_the_course_may_take_as_long_as_its_images_and_the_wait_for_the_board() -> None:
    plain = course_limit_s(COURSE, Guard(lock_wait_s=0))
    both = course_limit_s(replace(COURSE, count=503), Guard(lock_wait_s=100, cool_below_c=50, cool_limit_s=20))
    assert both == plain + 620
    assert course_limit_s(replace(COURSE, idle_s=30), Guard(lock_wait_s=0)) > plain + 60


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
