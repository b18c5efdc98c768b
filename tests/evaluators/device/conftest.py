"""A board over ssh, and a task that takes no time, for the tests that want them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from evaluators.device.device import Device, Task
from evaluators.runtimes.settings import RuntimeSettings
from tests.evaluators.device.models import write_classifier, write_images
from tests.evaluators.device.short import local
from tests.evaluators.device.sshd import Board, Sshd, make_board, running


@pytest.fixture(scope="session")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Task:
    folder = tmp_path_factory.mktemp("quick")
    return Task(
        model=write_classifier(folder / "classifier.onnx"),
        images=write_images(folder / "images.npy", 16),
        runtime=RuntimeSettings(),
        limit_s=0.05,
    )


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def board(sshd: Sshd, tmp_path: Path) -> Board:
    return make_board(sshd, tmp_path / "home")


@pytest.fixture(params=["local", "ssh"])
def device(request: pytest.FixtureRequest) -> Device:
    """This machine, and a board over ssh: what both owe is asked of both."""
    if request.param == "local":
        return local()
    board: Board = request.getfixturevalue("board")
    return board.device()
