"""Preparing a board with nothing made up: a real environment, from wheels fetched here and sent over ssh."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from evaluators.device.upkeep.prepare import Prepared, prepare
from tests.evaluators.device.sshd import Board, Sshd, make_board

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the board of these tests is this machine")

FETCH_S = 120


@dataclass(frozen=True)
class Made:
    board: Board
    prepared: Prepared
    said: list[str]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a board with this machine's Python needs, as this machine's pip gets it."""
    folder = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--dest", str(folder)]
    try:
        done = subprocess.run([*command, "onnxruntime", "numpy"], capture_output=True, text=True, timeout=FETCH_S)
    except subprocess.TimeoutExpired:
        pytest.skip(f"no wheels within {FETCH_S} s")
    if done.returncode != 0:
        pytest.skip(f"no wheels: {done.stderr.strip().splitlines()[-1]}")
    return folder


@pytest.fixture(scope="module")
def made(sshd: Sshd, wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Made]:
    board = make_board(sshd, tmp_path_factory.mktemp("prepared") / "home", prepared=False)
    pip = board.home / ".config" / "pip" / "pip.conf"
    pip.parent.mkdir(parents=True)
    # A board that reaches no index.
    pip.write_text("[global]\nno-index = true\nfind-links =\n")
    said: list[str] = []
    with pytest.MonkeyPatch.context() as here:
        here.setenv("PIP_NO_INDEX", "1")
        here.setenv("PIP_FIND_LINKS", str(wheels))
        yield Made(board, asyncio.run(prepare(board.address, login=board.login(), say=said.append)), said)


def test_it_comes_from_wheels_fetched_here_where_the_board_has_no_network(made: Made) -> None:
    assert any("it reaches no package index; fetching" in line for line in made.said)
    assert any("sending" in line for line in made.said)
    assert made.prepared.made


def test_models_run_there(made: Made) -> None:
    async def runtime() -> str:
        async with made.board.device() as device:
            return device.info.runtime

    assert made.prepared.runtimes == (asyncio.run(runtime()).replace("onnxruntime", "ONNX Runtime"),)


def test_again_it_takes_a_single_look_at_the_board(made: Made) -> None:
    profile, commands = made.board.home / "profile", made.board.home / "commands"
    profile.write_text(f"echo >> {commands}\n")
    there = asyncio.run(prepare(made.board.address, login=made.board.login(), say=lambda text: None))
    profile.unlink()
    assert not there.made
    assert commands.read_text() == "\n"


def test_only_the_environment_is_left(made: Made) -> None:
    (environment,) = (made.board.folder / "environments").iterdir()
    assert (made.board.folder / "venv").resolve() == environment
    assert not (environment / "wheels").exists()


def test_its_commands_are_whole(made: Made) -> None:
    """A moved environment's would start with a path that is gone."""
    pip = made.board.folder / "venv" / "bin" / "pip"
    done = subprocess.run([pip, "--version"], capture_output=True, text=True, env={**os.environ, "HOME": "/nowhere"})
    assert done.returncode == 0, done.stderr
