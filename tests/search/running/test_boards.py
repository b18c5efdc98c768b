"""Whole runs with a board over ssh: a real ssh server on the loopback."""

import contextlib
import functools
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from evaluators.examiner import Examiner
from search.commands.exit_status import NONE_FEASIBLE, OK, REQUEST, RIG
from search.running.pipeline import Pipeline
from search.store.store import Store
from search.store.trials import COMPLETE, INTERRUPTED
from tests.evaluators.device.models import write_classifier
from tests.evaluators.device.pngs import coloured, write_pngs
from tests.evaluators.device.processes import GONE_S
from tests.evaluators.device.sshd import NAME, Board, free_port
from tests.evaluators.device.tflite_models import write_network
from tests.search.calm_board import calm_board, home_that_knows
from tests.search.user import User
from tests.search.whole import ROOT, SEARCH, command, copy

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

# Only what hangs takes so long.
HANG_S = 500.0


@pytest.fixture
def board(tmp_path: Path) -> Iterator[Board]:
    with calm_board(tmp_path) as board:
        yield board


@pytest.fixture
def home(board: Board, tmp_path: Path) -> dict[str, str]:
    return {**os.environ, **home_that_knows(board, tmp_path)}


def measuring_on(board: Board) -> set[int]:
    """Processes of the on-device program, once a model has been sent: before that they describe the board. Later, one
    that describes it ends at once and may be among them."""
    pids = set()
    if not any(path.suffix == ".onnx" for path in (board.folder / "files").rglob("*")):
        return pids
    for pid in board.processes():
        with contextlib.suppress(OSError):
            if b"/program/" in Path(f"/proc/{pid}/cmdline").read_bytes():
                pids.add(pid)
    return pids


@pytest.mark.whole
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
            _, err = run.communicate(timeout=HANG_S)
        finally:
            run.kill()
    assert cuts == 2
    # Other tests run beside this one: what they spoil leads nothing.
    assert run.returncode in (OK, NONE_FEASIBLE), err
    reopened = Store.existing(store)
    goal = reopened.studies()[0]
    assert [trial.state for trial in reopened.trials(goal.id)] == [COMPLETE]
    assert reopened.failures(goal.baseline_id, goal.bench_id) == {}
    assert board.is_empty_within(GONE_S)


@pytest.fixture
def small_disk(board: Board) -> Iterator[Path]:
    """Where the board keeps its files."""
    files = board.folder / "files"
    files.mkdir()
    if os.geteuid() != 0 or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=60m", "none", files]).returncode != 0:
        pytest.skip("only root can mount a small disk, and not everywhere")
    yield files
    subprocess.run(["umount", files], check=True)


# The baseline is measured at every runtime setting, on a machine that others test on.
@pytest.mark.timeout(900)
@pytest.mark.whole
def test_a_board_whose_disk_is_full_ends_the_run_and_costs_no_recipe(
    started: Path, board: Board, small_disk: Path, user: User, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reference was measured before; once there is room the same recipe is asked for first."""
    user.knows(board)
    monkeypatch.setattr("search.measuring.rig.Examiner", functools.partial(Examiner, pauses=(0.1, 0.1)))
    folder, filler = copy(started, tmp_path / "store"), small_disk / "filler"
    words = (*SEARCH, "--device", f"ssh:{NAME}", "--store", folder, "--trials", 1)
    run = Pipeline.run

    def run_on_a_full_disk(pipeline: Pipeline, trials: int, deadline: float) -> int:
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        return run(pipeline, trials, deadline)

    with monkeypatch.context() as patched:
        patched.setattr(Pipeline, "run", run_on_a_full_disk)
        status, _, err = user.types(*words)
    assert status == RIG
    assert "disk full: " in err.splitlines()[-2]
    filler.unlink()
    store = Store.existing(folder)
    # The study is of this board, not of the machine on which the store was begun.
    goal = store.studies()[0]
    assert store.failures(goal.baseline_id, goal.bench_id) == {}
    interrupted = [trial.recipe_id for trial in store.trials(goal.id) if trial.state == INTERRUPTED]
    status, _, err = user.types(*words)
    assert status in (OK, NONE_FEASIBLE), err
    assert f"recipe {interrupted[0]} is asked for first" in err
    assert store.trials(goal.id)[-1].recipe_id == interrupted[0]


def test_a_board_that_is_not_there_is_said_before_anything_is_trained(user: User, tmp_path):
    status, _, err = user.types(*SEARCH, "--device", f"me@127.0.0.1:{free_port()}", "--store", tmp_path / "store")
    assert status == RIG
    assert "connection refused" in err.splitlines()[-2]
    assert not list((tmp_path / "store").rglob("*.pt"))


def test_a_board_is_measured_by_both_protocols(board, user: User, tmp_path):
    user.knows(board)
    pngs = write_pngs(tmp_path / "pngs", coloured(20), np.zeros(20, np.int64))
    model = write_classifier(tmp_path / "model.onnx")
    words = ("measure", model, "--protocol", "course", pngs, "--device", f"ssh:{NAME}", "--json")
    status, out, err = user.types(*words)
    assert status == OK, err
    row = json.loads(out)
    assert row["latency_ms"] > 0
    assert row["course"]["images"] == 20
    assert board.is_empty_within(GONE_S)


@pytest.fixture
def without_onnx_runtime(board: Board) -> Board:
    """The board's Python has one that cannot be loaded, as one for another C library."""
    (board.home / "broken").mkdir()
    (board.home / "broken" / "onnxruntime.py").write_text("raise ImportError('no such library')")
    python = board.folder / "venv" / "bin" / "python"
    shebang, _, rest = python.read_text().partition("\n")
    python.write_text(f"{shebang}\nexport PYTHONPATH={board.home}/broken\n{rest}")
    return board


@pytest.mark.whole
def test_a_search_goes_on_with_the_runtime_that_the_board_has(started, without_onnx_runtime, user: User, tmp_path):
    user.knows(without_onnx_runtime)
    store = copy(started, tmp_path / "store")
    status, _, err = user.types(*SEARCH, "--device", f"ssh:{NAME}", "--store", store, "--trials", 1)
    assert status in (OK, NONE_FEASIBLE), err
    content = json.loads(user.types("rank", "--json", "--store", store)[1])
    assert content["bench"]["runtime"].startswith("litert ")
    for row in (content["baseline"], *content["ranking"]):
        assert row["recipe"]["runtime"] == "litert"
        assert row["framework"] == content["bench"]["runtime"]
        assert row["course_call"] == "interpreter.invoke()"
        assert 0 < row["course_latency_ms"] < 2 * row["latency_ms"]


def test_a_file_of_a_runtime_that_the_board_lacks_is_refused_by_name_and_another_measured(
    without_onnx_runtime: Board, user: User, tmp_path: Path
) -> None:
    user.knows(without_onnx_runtime)
    measure = ("measure", "--device", f"ssh:{NAME}")
    status, _, err = user.types(*measure, write_classifier(tmp_path / "model.onnx"))
    assert status == REQUEST
    assert f"ONNX Runtime is not installed on ssh:{NAME}" in err
    status, out, err = user.types(*measure, write_network(tmp_path / "model.tflite"))
    assert status == OK, err
    assert "interpreter.invoke() alone" in out
