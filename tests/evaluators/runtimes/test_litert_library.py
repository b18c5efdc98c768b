"""Which library LiteRT's part of the on-device program takes: the newer one, or what it was called until 2023."""

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from ai_edge_litert import interpreter

from evaluators.runtimes.litert import on_board
from evaluators.runtimes.runtime import RUNTIMES
from tests.contracts.runtime import patches
from tests.evaluators.device.tflite_models import write_network


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    """A file, and its answers by the newer one."""
    file = write_network(tmp_path_factory.mktemp("network") / "network.tflite")
    return file, RUNTIMES.get("litert").predictions(file, patches()).tolist()


@pytest.fixture
def older(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same interpreter under its former name, of which there is no wheel for every Python."""
    package = ModuleType("tflite_runtime")
    package.__version__ = "2.14.0"  # type: ignore[attr-defined]
    package.__spec__ = sys.modules["ai_edge_litert"].__spec__
    monkeypatch.setitem(sys.modules, "tflite_runtime", package)
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", interpreter)


@pytest.fixture
def without_the_newer(monkeypatch: pytest.MonkeyPatch) -> None:
    """The imports as where the newer library is not installed."""
    for name in ("ai_edge_litert", "ai_edge_litert.interpreter"):
        monkeypatch.setitem(sys.modules, name, None)


@pytest.fixture
def broken(monkeypatch: pytest.MonkeyPatch) -> None:
    """The newer one is there, and its interpreter cannot be loaded: as with an older C library."""
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)


def test_answers_on_this_machine_leave_the_terminal_alone(network: tuple[Path, list[int]]) -> None:
    """This runs in a process of its own: the library says once in each how it computes."""
    code = (
        "import sys, numpy; from pathlib import Path; from evaluators.runtimes.runtime import RUNTIMES\n"
        "RUNTIMES.get('litert').predictions(Path(sys.argv[1]), numpy.zeros((8, 3, 32, 32), numpy.uint8))"
    )
    done = subprocess.run([sys.executable, "-c", code, network[0]], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("", "")


@pytest.mark.usefixtures("older")
def test_the_newer_one_comes_first() -> None:
    assert on_board.library()[0] == "ai_edge_litert"
    assert "+" not in on_board.version()


@pytest.mark.usefixtures("older", "without_the_newer")
def test_the_older_one_answers_alike_and_says_its_name(network: tuple[Path, list[int]]) -> None:
    assert on_board.version() == "2.14.0+tflite_runtime"
    file, expected = network
    runner = on_board.load({"model": str(file), "threads": 1, "mean": None, "std": None}, (3, 32, 32))
    assert runner.title == "LiteRT 2.14.0+tflite_runtime"
    answers = [int(runner.run(None, feed).argmax()) for feed in runner.feeds(patches(), {})]
    assert len(set(answers)) > 1
    assert answers == expected


@pytest.mark.usefixtures("older", "broken")
def test_the_older_one_will_do_where_the_newer_one_cannot_be_loaded() -> None:
    assert on_board.library()[0] == "tflite_runtime"


@pytest.mark.usefixtures("without_the_newer")
def test_without_either_that_is_said() -> None:
    with pytest.raises(ImportError, match="neither ai_edge_litert nor tflite_runtime is installed"):
        on_board.version()


@pytest.mark.usefixtures("broken")
def test_what_the_only_one_lacks_is_told_by_its_own_error() -> None:
    with pytest.raises(ImportError, match=r"ai_edge_litert\.interpreter"):
        on_board.version()
