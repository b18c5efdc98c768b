"""A board over ssh, for the tests that want one."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.evaluators.device.sshd import Board, Sshd, make_board, running


@pytest.fixture(scope="session")
def sshd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sshd]:
    with running(tmp_path_factory.mktemp("sshd")) as server:
        yield server


@pytest.fixture
def board(sshd: Sshd, tmp_path: Path) -> Board:
    return make_board(sshd, tmp_path / "home")
