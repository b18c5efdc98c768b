"""A small grid as whole runs in processes of their own: killed at several moments, it ends as one that was not."""

import json
import subprocess
import time
from pathlib import Path

import pytest

from search.evaluation import Evaluation
from search.exit_status import OK
from search.grid import Point
from search.standings import standings
from search.store import COMPLETE, Store
from tests.search.whole import ROOT, children_of, command, copy, environment, finished

# Narrow, so that an epoch takes seconds.
SMALL = """
kind = "grid"
fractions = [0.9, 0.95]
epochs = [0, 1]
data = "builtin"
min_accuracy = 0.01
margin = 0.001
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("grid") / "small.toml"
    file.write_text(SMALL)
    return file


@pytest.fixture(scope="module")
def whole(started, small, tmp_path_factory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A store with the grid, carried out in one go, and what the run said."""
    folder = copy(started, tmp_path_factory.mktemp("whole") / "store")
    done = finished("study", small, "--store", folder)
    assert done.returncode == OK, done.stderr
    return folder, done


def evaluated(folder: Path) -> dict[str, Evaluation]:
    store = Store.existing(folder)
    goal = store.studies()[0]
    assert goal.space == "grid"
    now = standings(store, goal)
    assert all(now.points().values())
    return {one.recipe_id: one for one in now.ranked}


def killed(small: Path, folder: Path, trials: int, pause: float) -> None:
    """Runs the grid until so many points are told, and a little longer; then kills it."""
    with subprocess.Popen(
        command("study", small, "--store", folder),
        cwd=ROOT,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            for _ in range(trials):
                assert process.stdout.readline().startswith("trial ")
            time.sleep(pause)
            assert process.poll() is None
        finally:
            process.kill()
    while children_of(folder):
        time.sleep(0.05)


def test_a_grid_killed_and_resumed_equals_one_that_was_not(started, small, whole, tmp_path):
    folder = copy(started, tmp_path / "store")
    # While the third point is trained, the first with an epoch; as soon as that is told.
    killed(small, folder, 2, 0.5)
    killed(small, folder, 1, 0)
    last = finished("study", small, "--store", folder)
    assert last.returncode == OK, last.stderr

    expected, resumed = evaluated(whole[0]), evaluated(folder)
    assert expected.keys() == resumed.keys()
    for id, one in expected.items():
        again = resumed[id]
        assert again.candidate.recipe == one.candidate.recipe
        assert (again.candidate.parameters, again.candidate.macs) == (one.candidate.parameters, one.candidate.macs)
        assert again.validation == one.validation
        assert again.candidate.sha256 == one.candidate.sha256
        assert again.candidate.history == one.candidate.history
    store = Store.existing(folder)
    complete = [trial.recipe_id for trial in store.trials(store.studies()[0].id) if trial.state == COMPLETE]
    assert sorted(complete) == sorted(expected)


def test_the_run_and_rank_show_the_points_in_the_grids_order(small, whole):
    folder, done = whole
    assert len([line for line in done.stdout.splitlines() if line.startswith("trial ")]) == 4
    assert "4 of 4 points of the grid are evaluated" in done.stdout
    assert "trials    4 more" in done.stderr
    shown = finished("rank", "--store", folder, "--study", small).stdout
    rows = [line.split()[:3] for line in shown.splitlines() if line.startswith("none ")]
    assert rows[:4] == [["none", fraction, epochs] for fraction in ("0.9", "0.95") for epochs in "01"]
    content = json.loads(finished("rank", "--json", "--store", folder).stdout)
    assert [Point(entry["quantization"], entry["fraction"], entry["epochs"]) for entry in content["grid"]] == [
        Point("none", fraction, epochs) for fraction in (0.9, 0.95) for epochs in (0, 1)
    ]
