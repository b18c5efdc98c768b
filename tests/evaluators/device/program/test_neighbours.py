"""The worst of several looks at a board, and who used its cores meanwhile, on made-up boards."""

import os
import pwd
from pathlib import Path

import pytest

from evaluators.device.program.board import worse
from evaluators.device.program.neighbours import busiest_neighbour, processes, user_name
from tests.evaluators.device.boards import write_process


def test_the_worst_of_two_looks_is_kept() -> None:
    first = {"temperature_c": 50.0, "clock_hz": 1.4e9, "load": 1.0, "throttled": 0x10000, "governor": "ondemand"}
    second = {"temperature_c": 61.0, "clock_hz": 1.2e9, "load": 0.5, "throttled": 0x4, "governor": "ondemand"}
    worst = {"temperature_c": 61.0, "clock_hz": 1.2e9, "load": 1.0, "throttled": 0x10004}
    assert worse(first, second) == worse(second, first) == worst


def test_a_look_that_saw_nothing_changes_nothing() -> None:
    state = {"temperature_c": 50.0, "clock_hz": None, "load": 1.0, "throttled": 0x10000}
    nothing = dict.fromkeys(state)
    assert worse(state, nothing) == worse(nothing, state) == state
    assert worse(nothing, nothing) == nothing


def neighbour(before: Path, after: Path, wall_s: float, monkeypatch: pytest.MonkeyPatch) -> str | None:
    looks = []
    for root in (before, after):
        monkeypatch.setenv("SEARCH_SYSROOT", str(root))
        looks.append(processes())
    return busiest_neighbour(looks[0], looks[1], wall_s)


@pytest.fixture
def before(tmp_path: Path) -> Path:
    write_process(tmp_path / "before", 11, "long ago", ticks=1_000_000)
    write_process(tmp_path / "before", 12, "python3", ticks=50)
    return tmp_path / "before"


@pytest.fixture
def after(tmp_path: Path) -> Path:
    write_process(tmp_path / "after", 11, "long ago", ticks=1_000_000)
    write_process(tmp_path / "after", 12, "python3", ticks=50)
    return tmp_path / "after"


ME = pwd.getpwuid(os.getuid()).pw_name


def test_the_busiest_neighbour_is_who_used_most_meanwhile(
    before: Path, after: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_process(after, 12, "python3", ticks=150)
    assert neighbour(before, after, 2.0, monkeypatch) == f"python3 (pid 12, {ME})"


def test_a_neighbour_that_uses_next_to_nothing_is_not_named(
    before: Path, after: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A tick is 10 ms: 9 of 2 s are less than 0.05 cores."""
    write_process(after, 12, "python3", ticks=59)
    assert neighbour(before, after, 2.0, monkeypatch) is None
    assert neighbour(before, after, 1.0, monkeypatch) is not None


def test_a_neighbour_that_began_meanwhile_is_counted_from_nothing(
    before: Path, after: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_process(after, 11, "new, same number", ticks=100, began=999)
    assert neighbour(before, after, 2.0, monkeypatch) == f"new, same number (pid 11, {ME})"


def test_we_are_no_neighbour_of_our_own(before: Path, after: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_process(after, os.getpid(), "python3", ticks=500)
    assert neighbour(before, after, 2.0, monkeypatch) is None


def test_a_user_without_a_name_is_a_number() -> None:
    assert user_name(3_999_999_999) == "3999999999"
