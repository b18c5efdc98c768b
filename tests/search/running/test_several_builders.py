"""A whole run with two builders: real children, and a board over a real ssh server on the loopback."""

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluators.device.devices import over_ssh
from search.building.at_once import AtOnce, Trainer, this_machine
from search.building.builders import Builders
from search.commands.exit_status import NONE_FEASIBLE, OK
from search.running import search_run
from search.running.side_by_side import side_by_side
from search.settings.settings import Settings
from search.store.store import Store
from search.store.trials import COMPLETE, GATED
from tests.evaluators.device.sshd import NAME, Board
from tests.search.calm_board import calm_board
from tests.search.user import User
from tests.search.whole import SEARCH, copy

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# Only what hangs takes so long.
HANG_S = 300.0
TRIALS = 3


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    with calm_board(tmp_path) as board:
        yield board


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Builders]:
    """The builders that work side by side in this test's runs, in their order; the board passes for another machine."""
    monkeypatch.setattr(over_ssh, "_own_boot_id", lambda: "")
    opened: list[Builders] = []
    builders = search_run._builders

    def noted(*words):
        answer = builders(*words)
        opened.append(answer[0])
        return answer

    monkeypatch.setattr(search_run, "_builders", noted)
    return opened


def kill_one(opened: list[Builders], killed: list[int]) -> None:
    """The first child of the second run, as soon as it is at work."""
    end = time.monotonic() + HANG_S
    while time.monotonic() < end:
        for child in [builders._children[0] for builders in opened[1:] if builders._children[0] not in builders._idle]:
            for pid in list((child._pool._processes or {}).keys()):
                os.kill(pid, signal.SIGKILL)
                killed.append(pid)
                return
        time.sleep(0.01)


def test_one_builds_beside_this_machine_s_own_timing_else_as_many_as_were_asked_for():
    def at_once(here: bool, **asked: int) -> AtOnce:
        return side_by_side(Settings(accelerator="cpu", **asked), here)

    assert at_once(True, builders=4) == at_once(True) == AtOnce(1, "nothing is built while this machine times")
    assert at_once(False, builders=4) == AtOnce(4, "as was asked for")
    assert at_once(False) == this_machine().pays(Trainer("cpu"))


@pytest.mark.timeout(900)
@pytest.mark.whole
def test_a_builder_that_is_killed_changes_nothing_of_what_is_asked_for(
    started: Path, board: Board, user: User, opened: list[Builders], tmp_path: Path
) -> None:
    """Its trial is tried again, and so it is done after others that it was done before in the run beside."""
    user.knows(board)
    killed: list[int] = []
    killer = threading.Thread(target=kill_one, args=(opened, killed), daemon=True)
    killer.start()
    asked = []
    for name in ("undisturbed", "disturbed"):
        store = copy(started, tmp_path / name)
        words = (*SEARCH, "--device", f"ssh:{NAME}", "--store", store, "--trials", TRIALS, "--sampler", "random")
        status, out, err = user.types(*words, "--builders", 2)
        assert status in (OK, NONE_FEASIBLE), err
        assert "builders  2 at once: as was asked for" in err
        # In a pipe a line for each trial, and none of a builder's.
        assert [line.split()[0] for line in out.splitlines()[:TRIALS]] == ["trial"] * TRIALS
        reopened = Store.existing(store)
        goal = reopened.studies()[0]
        assert reopened.failures(goal.baseline_id, goal.bench_id) == {}
        trials = reopened.trials(goal.id)
        assert {trial.state for trial in trials} <= {COMPLETE, GATED}
        asked.append([trial.recipe_id for trial in trials])
    killer.join(HANG_S)
    assert len(killed) == 1
    assert len(asked[0]) == TRIALS
    assert asked[0] == asked[1]
