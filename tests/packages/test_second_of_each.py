"""A package with a network, a data set and a runtime, as a user installs it: no file of the project changes for it."""

import csv
import json
import re
import sys
from pathlib import Path

import pytest
from pptx import Presentation

from search.commands.exit_status import OK, REQUEST
from search.store.store import Store
from search.store.trials import COMPLETE, GATED
from tests.evaluators.device.processes import GONE_S
from tests.evaluators.device.sshd import NAME as BOARD
from tests.packages.environment import Environment, fresh, nobodys
from tests.packages.installed import PACKAGE
from tests.search.calm_board import calm_board, home_that_knows
from tests.search.whole import copy

pytestmark = pytest.mark.whole

NETWORK, DATA_SET, RUNTIME = "tiny_residual", "segments", "second_runtime"
# Nothing is fine-tuned, and nothing is ever below this line.
SEARCH = (
    *("--architecture", NETWORK, "--data", DATA_SET, "--fix", f"runtime={RUNTIME},epochs=0"),
    *("--min-accuracy", "0.01", "--margin", "0.001"),
)
TRIALS = 2


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the user works: the images are drawn into its folder `data`."""
    return tmp_path_factory.mktemp("place")


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    environment = fresh(tmp_path_factory.mktemp("installed"))
    environment.install(PACKAGE)
    return environment


@pytest.fixture(scope="module")
def store(installed: Environment, place: Path) -> Path:
    """The store of a search on this machine."""
    done = installed.search(*SEARCH, "--store", place / "store", "--trials", TRIALS, home=nobodys(), cwd=place)
    assert done.returncode == OK, done.stderr
    return place / "store"


def test_it_is_searched_on_this_machine(store: Path) -> None:
    assert_searched(store, 0)


def assert_searched(folder: Path, study: int) -> None:
    """Trials of a study, each a network of the package's own in files of its runtime."""
    store = Store.existing(folder)
    goal = store.studies()[study]
    assert (goal.architecture, goal.data) == (NETWORK, DATA_SET)
    trials = store.trials(goal.id)
    assert len(trials) == TRIALS
    complete = [trial.recipe_id for trial in trials if trial.state == COMPLETE]
    # What could not lead is timed, and not trained. The first of all is never such a one.
    assert trials[0].recipe_id in complete
    assert {trial.state for trial in trials} <= {COMPLETE, GATED}
    for recipe_id in complete:
        evaluation = store.evaluation(recipe_id, goal)
        assert evaluation is not None
        assert (evaluation.candidate.recipe.architecture, evaluation.candidate.recipe.runtime) == (NETWORK, RUNTIME)
        assert evaluation.current.framework.startswith(f"{RUNTIME} 2.")


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_it_is_searched_over_ssh(installed: Environment, store: Path, place: Path, tmp_path: Path) -> None:
    """The board has ONNX Runtime, and knows nothing of the package: the part of its runtime is sent."""
    # Another sampler than on this machine: no look at the board.
    words = (*SEARCH, "--store", copy(store, tmp_path / "store"), "--trials", TRIALS, "--sampler", "random")
    with calm_board(tmp_path) as board:
        home = {**nobodys(), **home_that_knows(board, tmp_path)}
        done = installed.search(*words, "--device", f"ssh:{BOARD}", home=home, cwd=place)
        assert done.returncode == OK, done.stderr
        assert board.is_empty_within(GONE_S)
    assert_searched(tmp_path / "store", 1)


def test_its_results_are_exported(installed: Environment, store: Path, place: Path, tmp_path: Path) -> None:
    for name in ("front.md", "front.html", "front.pptx"):
        done = installed.search("export", "--to", tmp_path / name, "--store", store, home=nobodys(), cwd=place)
        assert done.returncode == OK, done.stderr
    for name in ("front.md", "front.html"):
        text = (tmp_path / name).read_text()
        assert "seven-segment digits" in text
        assert f", {RUNTIME} 2." in text
    texts = [shape.text_frame.text for slide in Presentation(str(tmp_path / "front.pptx")).slides
             for shape in slide.shapes if shape.has_text_frame]  # fmt: skip
    assert "Tiny residual network" in " ".join(texts)


def test_once_it_is_gone_its_results_are_read_and_what_is_missing_is_named(
    store: Path, place: Path, tmp_path: Path
) -> None:
    without = fresh(tmp_path / "environment")

    def types(*words: object) -> tuple[int, str, str]:
        done = without.search(*words, "--store", store, home=nobodys(), cwd=place)
        return done.returncode, done.stdout, done.stderr

    status, out, _ = types("status")
    assert status == OK
    assert re.search(rf"^fom-{DATA_SET}-full-\w+: \d finished", out, re.MULTILINE)
    status, out, _ = types("rank", "--json")
    assert status == OK
    assert {row["recipe"]["architecture"] for row in json.loads(out)["ranking"]} == {NETWORK}
    assert types("export", "--to", tmp_path / "front.csv")[0] == OK
    with (tmp_path / "front.csv").open(newline="") as file:
        measured = [row["Latency is"] for row in csv.DictReader(file)]
    assert len(measured) > 1
    # All rows but the baseline's, which is at its best in one runtime or another.
    assert sum(f", {RUNTIME} 2." in text for text in measured) >= len(measured) - 1
    for words, missing in (
        ((), f"data set {DATA_SET!r}"),
        (("--data", DATA_SET), f"--data: {DATA_SET!r}"),
        (("--data", "builtin", "--architecture", NETWORK), f"--architecture: {NETWORK!r}"),
        (("--data", "builtin", "--fix", f"runtime={RUNTIME}"), f"runtime {RUNTIME!r}"),
    ):
        status, _, err = types(*words)
        assert status == REQUEST
        assert f"{missing} is not known" in err
