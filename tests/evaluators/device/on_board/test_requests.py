"""Requests: the on-device program takes what the host asks, and has the time it needs."""

from dataclasses import asdict, replace
from pathlib import Path

from evaluators.device.device import CourseTask, Guard, Task
from evaluators.device.on_board.requests import answer_limit_s, course_limit_s, course_request, measure_request
from evaluators.device.program.requests import checked_request
from evaluators.runtimes.settings import RuntimeSettings

TASK = Task(model=Path("m.onnx"), images=Path("i.npy"), runtime=RuntimeSettings(threads=3, spinning=True), passes=3)


COURSE = CourseTask(model=Path("m.onnx"), images=Path("i.zip"), count=3, runtime=RuntimeSettings(threads=2))


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
    with_waits = answer_limit_s(search, Guard(lock_wait_s=100, cool_below_c=50, cool_limit_s=20))
    assert plain is not None
    assert with_waits == plain + 120


def test_the_board_takes_what_the_host_asks_of_the_course() -> None:
    guard = Guard(lock="/run/lock/b", heartbeat_s=9)
    request = checked_request(course_request(COURSE, model="m", images="i", guard=guard))
    assert (request["do"], request["model"], request["images"], request["threads"]) == ("course", "m", "i", 2)
    assert {name: request[name] for name in asdict(guard)} == asdict(guard)


def test_the_course_may_take_as_long_as_its_images_and_the_wait_for_the_board() -> None:
    plain = course_limit_s(COURSE, Guard(lock_wait_s=0))
    with_waits = course_limit_s(replace(COURSE, count=503), Guard(lock_wait_s=100, cool_below_c=50, cool_limit_s=20))
    assert with_waits == plain + 620
    assert course_limit_s(replace(COURSE, idle_s=30), Guard(lock_wait_s=0)) > plain + 60
