"""Whole runs with a board over ssh: a real ssh server on the loopback."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from search.exit_status import NONE_FEASIBLE, OK, RIG
from search.store import COMPLETE, Store
from tests.evaluators.device.models import write_classifier
from tests.evaluators.device.pngs import coloured, write_pngs
from tests.evaluators.device.processes import GONE_S
from tests.evaluators.device.sshd import NAME, Board, free_port, make_board, running
from tests.search.whole import ROOT, SEARCH, command, copy

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    (tmp_path / "sshd").mkdir()
    with running(tmp_path / "sshd") as sshd:
        yield make_board(sshd, tmp_path / "board")


@pytest.fixture
def home(board: Board, tmp_path: Path) -> dict[str, str]:
    """The environment of a user whose ssh configuration knows the board."""
    folder = tmp_path / "user"
    (folder / ".ssh").mkdir(parents=True, mode=0o700)
    (folder / ".ssh" / "config").write_text(board.config().read_text())
    return {**os.environ, "HOME": str(folder)}


def measuring_on(board: Board) -> set[int]:
    """Processes of the on-device program; one that describes the board ends at once and may be among them."""
    found = set()
    for pid in board.processes():
        with contextlib.suppress(OSError):
            if b"/program/" in Path(f"/proc/{pid}/cmdline").read_bytes() and (board.folder / "files").is_dir():
                found.add(pid)
    return found


def test_a_search_goes_on_by_itself_when_its_connection_is_cut(started, board, home, tmp_path):
    store = copy(started, tmp_path / "store")
    words = command(*SEARCH, "--device", f"ssh:{NAME}", "--store", store, "--trials", 1)
    with subprocess.Popen(words, cwd=ROOT, env=home, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as run:
        cuts, seen = 0, set[int]()
        try:
            while run.poll() is None and cuts < 2:
                # In the middle of a measurement; not twice in the same.
                measuring = measuring_on(board) - seen
                if measuring:
                    seen |= measuring
                    for pid in board.sshd.sessions():
                        subprocess.run(["kill", "-9", str(pid)], capture_output=True)
                    cuts += 1
                time.sleep(0.05)
            _, said = run.communicate(timeout=500)
        finally:
            run.kill()
    assert cuts == 2
    # Other tests run beside this one: what they spoil leads nothing.
    assert run.returncode in (OK, NONE_FEASIBLE), said
    kept = Store.existing(store)
    goal = kept.studies()[0]
    assert [trial.state for trial in kept.trials(goal.id)] == [COMPLETE]
    assert kept.failures(goal.baseline_id, goal.bench_id) == {}
    assert board.is_empty_within(GONE_S)


def test_a_board_that_is_not_there_is_said_before_anything_is_trained(home, tmp_path):
    words = command(*SEARCH, "--device", f"me@127.0.0.1:{free_port()}", "--store", tmp_path / "store")
    done = subprocess.run(words, cwd=ROOT, env=home, capture_output=True, text=True, timeout=60)
    assert done.returncode == RIG
    assert "connection refused" in done.stderr.splitlines()[-1]
    assert not list((tmp_path / "store").rglob("*.pt"))


def test_a_board_is_measured_by_both_protocols(board, home, tmp_path):
    pngs = write_pngs(tmp_path / "pngs", coloured(20), np.zeros(20, np.int64))
    model = write_classifier(tmp_path / "model.onnx")
    words = command("measure", model, "--protocol", "course", pngs, "--device", f"ssh:{NAME}", "--json")
    done = subprocess.run(words, cwd=ROOT, env=home, capture_output=True, text=True, timeout=120)
    assert done.returncode == OK, done.stderr
    row = json.loads(done.stdout)
    assert row["latency_ms"] > 0
    assert row["course"]["images"] == 20
    assert board.is_empty_within(GONE_S)
