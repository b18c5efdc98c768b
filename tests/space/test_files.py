"""Files made by one of several real processes."""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

from space.files import one_at_a_time, written_whole

SPAWN = multiprocessing.get_context("spawn")
HANG_S = 60.0


def until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + HANG_S
    while not reached():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.005)


def make(path: Path, name: str, goes_on: Path) -> None:
    with one_at_a_time(path, path.with_name(f"{name}.waiting").touch):
        if path.exists():
            return
        path.with_name(f"{name}.making").touch()
        until(goes_on.exists)
        with written_whole(path) as beside:
            beside.write_text(name)


def maker(*words: object) -> multiprocessing.process.BaseProcess:
    process = SPAWN.Process(target=make, args=words)
    process.start()
    return process


def test_one_of_two_processes_makes_a_file_and_the_other_finds_it(tmp_path: Path) -> None:
    path, go = tmp_path / "file", tmp_path / "go"
    first = maker(path, "first", go)
    until((tmp_path / "first.making").exists)
    second = maker(path, "second", go)
    until((tmp_path / "second.waiting").exists)
    go.touch()
    for process in (first, second):
        process.join(HANG_S)
    assert path.read_text() == "first"
    assert sorted(os.listdir(tmp_path)) == ["file", "first.making", "go", "second.waiting"]  # noqa: PTH208


def test_who_is_killed_over_it_holds_nobody_up(tmp_path: Path) -> None:
    path, go = tmp_path / "file", tmp_path / "go"
    first = maker(path, "first", tmp_path / "never")
    until((tmp_path / "first.making").exists)
    second = maker(path, "second", go)
    until((tmp_path / "second.waiting").exists)
    go.touch()
    assert first.pid is not None
    os.kill(first.pid, signal.SIGKILL)
    second.join(HANG_S)
    first.join(HANG_S)
    assert path.read_text() == "second"
