"""Real spawned children."""

import os
import signal
import time
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from search.building.builders import Builders, built
from search.building.child import report
from space.errors import CandidateError, DeviceLostError

# Longer than any of these takes.
HANG_S = 120.0


def told(value: int) -> int:
    report("telling", 0.5)
    return value


def told_of(steps: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """What was told, without the moments at which it is idle."""
    return [step for step in steps if step[0]]


def pid() -> int:
    return os.getpid()


def end_at_once() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def end_the_first_time(mark: Path) -> int:
    """Ends as a task does whose memory another process has taken; its own process the second time."""
    if not mark.exists():
        mark.touch()
        end_at_once()
    return os.getpid()


def fail() -> None:
    raise CandidateError("cannot be built")


def wait_for(mark: Path) -> int:
    """Says first where it is at work."""
    mark.with_suffix(".pid").write_text(str(os.getpid()))
    until(mark.exists)
    return os.getpid()


class Large:
    """Stands for a tensor that fills a GPU."""


_large: "list[weakref.ref[Large]]" = []


def fail_over_something_large() -> None:
    large = Large()
    _large.append(weakref.ref(large))
    try:
        raise ValueError("it did not fit")
    except ValueError as error:
        raise CandidateError("cannot be built") from error


def large_ones_left() -> int:
    return sum(large() is not None for large in _large)


def until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + HANG_S
    while not reached():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.01)


def lack_memory_unless(marks: Path, count: int, words: str) -> int:
    """Fails as a task does that needs the memory of so many children."""
    marks.mkdir(exist_ok=True)
    if len(list(marks.iterdir())) < count:
        (marks / str(os.getpid())).touch()
        raise RuntimeError(words)
    return os.getpid()


def give_up_for_want_of_memory() -> None:
    """Fails as a training does that has tried with fewer images at a time."""
    try:
        raise MemoryError
    except MemoryError:
        try:
            raise RuntimeError("what was begun cannot go on")
        except RuntimeError as error:
            raise CandidateError("training needs more memory than there is") from error


def lose_the_device(marks: Path, times: int) -> int:
    marks.mkdir(exist_ok=True)
    if len(list(marks.iterdir())) < times:
        (marks / str(os.getpid())).touch()
        raise DeviceLostError("cuda (a card) is lost")
    return os.getpid()


def those_in(marks: Path) -> set[str]:
    return {mark.name for mark in marks.iterdir()}


def environment(name: str) -> str | None:
    return os.environ.get(name)


@pytest.fixture
def steps():
    return []


@pytest.fixture
def builder(steps):
    with Builders(lambda name, share: steps.append((name, share))) as builder:
        yield builder


def test_a_result_comes_back_and_progress_before_it(builder, steps):
    assert built(builder.submit(told, 7)) == 7
    deadline = time.monotonic() + 60
    while len(steps) < 2 and time.monotonic() < deadline:
        time.sleep(0.01)
    # At the end it is idle.
    assert steps == [("telling", 0.5), ("", 0.0)]


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
    assert told_of(steps) == [("once more, as the process that built it died", 0.0)]


def test_a_child_that_dies_between_two_tasks_costs_none_of_them(builder):
    os.kill(built(builder.submit(pid)), signal.SIGKILL)
    assert built(builder.submit(told, 8)) == 8


def test_a_task_that_waits_can_be_taken_back(builder):
    builder.submit(time.sleep, 0.5)
    waiting, next_task = builder.submit(told, 1), builder.submit(told, 2)
    assert waiting.cancel()
    assert built(next_task) == 2


def test_a_new_child_of_one_builder_leaves_the_other_builders_alone(builder):
    with Builders(lambda name, share: None) as other:
        before = built(other.submit(pid))
        with pytest.raises(CandidateError):
            built(builder.submit(end_at_once))
        assert built(builder.submit(told, 8)) == 8
        assert built(other.submit(pid)) == before


def test_an_error_in_the_child_is_the_same_error_here(builder):
    with pytest.raises(CandidateError, match="cannot be built"):
        built(builder.submit(fail))


def test_closing_does_not_wait_for_what_runs(steps):
    with Builders(lambda name, share: None) as builder:
        child = built(builder.submit(pid))
        builder.submit(time.sleep, 60)
        time.sleep(0.2)
        begun = time.monotonic()
    assert time.monotonic() - begun < 30
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


@pytest.fixture
def messages() -> list[str]:
    return []


@pytest.fixture
def pair(messages: list[str]) -> Iterator[Builders]:
    lines = [lambda name, share, number=number: messages.append(f"{number}: {name}") for number in (1, 2)]
    with Builders(*lines, say=messages.append) as pair:
        yield pair


def pid_at(mark: Path) -> int:
    at_work = mark.with_suffix(".pid")
    until(lambda: at_work.exists() and bool(at_work.read_text()))
    return int(at_work.read_text())


def test_several_children_work_side_by_side_each_with_a_line_of_its_own(pair, messages, tmp_path):
    first, second = (pair.submit(wait_for, tmp_path / name) for name in ("a", "b"))
    assert pid_at(tmp_path / "a") != pid_at(tmp_path / "b")
    waiting = pair.submit(told, 7)
    (tmp_path / "b").touch()
    # The second builder is free, and takes what waits; the first is at work yet.
    assert (built(waiting), first.done()) == (7, False)
    (tmp_path / "a").touch()
    assert built(first) != built(second)
    # Both are idle: the first has what comes next.
    until(lambda: messages.count("1: ") == 1)
    assert built(pair.submit(pid)) == built(first)
    until(lambda: "2: telling" in messages)


def test_one_of_two_that_is_killed_has_its_task_again_and_the_other_goes_on(pair, tmp_path):
    killed, untouched = (pair.submit(wait_for, tmp_path / name) for name in ("a", "b"))
    before, other = pid_at(tmp_path / "a"), pid_at(tmp_path / "b")
    (tmp_path / "a.pid").unlink()
    os.kill(before, signal.SIGKILL)
    after = pid_at(tmp_path / "a")
    for name in ("a", "b"):
        (tmp_path / name).touch()
    assert (built(killed), built(untouched)) == (after, other)
    assert after != before


def test_who_kills_each_child_fails_alone_while_others_work_beside(pair, tmp_path):
    beside, deadly = pair.submit(wait_for, tmp_path / "a"), pair.submit(end_at_once)
    with pytest.raises(CandidateError, match="died, 2 times of 2"):
        built(deadly)
    at_work = pid_at(tmp_path / "a")
    assert built(pair.submit(told, 8)) == 8
    (tmp_path / "a").touch()
    assert built(beside) == at_work


OF_CUDA = "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported"


def test_where_memory_does_not_do_for_two_there_is_one_from_then_on(pair, messages, tmp_path):
    task = pair.submit(lack_memory_unless, tmp_path / "marks", 1, OF_CUDA)
    left = built(task)
    assert str(left) not in those_in(tmp_path / "marks")
    closed = [line for line in messages if "closed" in line]
    assert closed == [
        "1: closed, for want of memory",
        "builder 1 of 2 closed: CUDA error: out of memory CUDA kernel errors might be asynchronously reported; "
        "1 at once from now on, and its task is tried again",
    ]
    # There is one alone for what comes now.
    assert {built(task) for task in [pair.submit(pid) for _ in range(3)]} == {left}
    # What lacks memory there as well is the candidate's failure, and costs nobody else his builder.
    with pytest.raises(CandidateError, match="with nothing else beside it, training needs more memory than there is"):
        built(pair.submit(give_up_for_want_of_memory))
    assert built(pair.submit(pid)) == left


def test_errors_that_are_none_of_memory_close_nothing(pair, messages):
    with pytest.raises(ValueError, match="seven"):
        pair.submit(int, "seven").result()
    with pytest.raises(CandidateError, match="cannot be built"):
        built(pair.submit(fail))
    assert not [line for line in messages if "closed" in line]


def test_a_device_that_is_lost_has_its_task_again_in_another_process(builder, steps, tmp_path):
    again = built(builder.submit(lose_the_device, tmp_path / "marks", 1))
    assert str(again) not in those_in(tmp_path / "marks")
    assert told_of(steps) == [("once more, by another process: cuda (a card) is lost", 0.0)]


def test_a_device_that_is_lost_twice_is_the_run_s_failure_and_says_what_to_do(builder, tmp_path):
    with pytest.raises(DeviceLostError, match=r"^cuda \(a card\) is lost \(2 times of 2, .*dmesg.*goes on where"):
        built(builder.submit(lose_the_device, tmp_path / "marks", 2))
    # Each time it was another process, and the next one is another again.
    assert len(those_in(tmp_path / "marks")) == 2
    assert str(built(builder.submit(pid))) not in those_in(tmp_path / "marks")


def test_each_child_takes_so_many_threads(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    with Builders(lambda name, share: None, threads=3) as three, Builders(lambda name, share: None) as builder:
        assert [built(each.submit(environment, "OMP_NUM_THREADS")) for each in (three, builder)] == ["3", "7"]


def test_a_task_that_failed_leaves_nothing_in_its_child_s_memory() -> None:
    with Builders(lambda step, share: None) as builders:
        with pytest.raises(CandidateError, match="cannot be built"):
            builders.submit(fail_over_something_large).result(HANG_S)
        assert builders.submit(large_ones_left).result(HANG_S) == 0
