"""A real spawned child."""

import os
import signal
import time

import pytest

from search.builder import Builder, built, report
from space.errors import CandidateError


def told(value: int) -> int:
    report("telling", 0.5)
    return value


def pid() -> int:
    return os.getpid()


def end_at_once() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


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
    deadline = time.monotonic() + 5
    while not steps and time.monotonic() < deadline:
        time.sleep(0.01)
    assert steps == [("telling", 0.5)]


def test_one_child_serves_all_tasks(builder):
    assert built(builder.submit(pid)) == built(builder.submit(pid)) != os.getpid()


def test_a_child_that_dies_takes_one_candidate_with_it(builder):
    with pytest.raises(CandidateError, match="the process that built it died"):
        built(builder.submit(end_at_once))
    assert built(builder.submit(told, 8)) == 8


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
    assert time.monotonic() - begun < 5
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)
