"""A real spawned child."""

import os
import signal
import time
from pathlib import Path

import pytest

from search.building.child import Builder, built, report
from space.errors import CandidateError


def told(value: int) -> int:
    report("telling", 0.5)
    return value


def pid() -> int:
    return os.getpid()


def end_at_once() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def end_the_first_time(mark: Path) -> int:
    """As a task does whose memory another process has taken; its own process the second time."""
    if not mark.exists():
        mark.touch()
        end_at_once()
    return os.getpid()


def fail() -> None:
    raise CandidateError("cannot be built")


@pytest.fixture
def steps():
    return []


@pytest.fixture
def builder(steps):
    with Builder(lambda name, share: steps.append((name, share))) as builder:
        yield builder


def test_a_result_comes_back_and_progress_before_it(builder, steps):
    assert built(builder.submit(told, 7)) == 7
    deadline = time.monotonic() + 60
    while not steps and time.monotonic() < deadline:
        time.sleep(0.01)
    assert steps == [("telling", 0.5)]


def test_one_child_serves_all_tasks(builder):
    assert built(builder.submit(pid)) == built(builder.submit(pid)) != os.getpid()


def test_a_child_that_dies_takes_one_candidate_with_it(builder):
    before = builder.submit(told, 6)
    deadly = builder.submit(end_at_once)
    queued = [builder.submit(told, value) for value in (7, 8, 9)]
    with pytest.raises(CandidateError, match="the process that built it died, 2 times of 2"):
        built(deadly)
    assert [built(task) for task in (before, *queued)] == [6, 7, 8, 9]


def test_several_deaths_in_one_queue_take_their_own_tasks_alone(builder):
    tasks = [builder.submit(task, *words) for task, *words in [(end_at_once,), (told, 1), (end_at_once,), (told, 2)]]
    assert [task.exception() is None for task in tasks] == [False, True, False, True]


def test_a_first_death_is_tried_once_more_and_told(builder, steps, tmp_path):
    first = built(builder.submit(pid))
    task = builder.submit(end_the_first_time, tmp_path / "mark")
    after = builder.submit(pid)
    assert built(task) == built(after) != first
    assert steps == [("once more, as the process that built it died", 0.0)]


def test_a_child_that_dies_between_two_tasks_costs_none_of_them(builder):
    os.kill(built(builder.submit(pid)), signal.SIGKILL)
    assert built(builder.submit(told, 8)) == 8


def test_a_task_that_waits_can_be_taken_back(builder):
    builder.submit(time.sleep, 0.5)
    waiting, kept = builder.submit(told, 1), builder.submit(told, 2)
    assert waiting.cancel()
    assert built(kept) == 2


def test_a_new_child_of_one_builder_leaves_the_other_builders_alone(builder):
    with Builder(lambda name, share: None) as other:
        before = built(other.submit(pid))
        with pytest.raises(CandidateError):
            built(builder.submit(end_at_once))
        assert built(builder.submit(told, 8)) == 8
        assert built(other.submit(pid)) == before


def test_an_error_in_the_child_is_the_same_error_here(builder):
    with pytest.raises(CandidateError, match="cannot be built"):
        built(builder.submit(fail))


def test_closing_does_not_wait_for_what_runs(steps):
    with Builder(lambda name, share: None) as builder:
        child = built(builder.submit(pid))
        builder.submit(time.sleep, 60)
        time.sleep(0.2)
        begun = time.monotonic()
    assert time.monotonic() - begun < 30
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
