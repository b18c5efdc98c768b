"""Preparing a board with nothing made up: a real environment, from wheels fetched here and sent over ssh."""

import asyncio
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from evaluators.device.device import ProcessRun, Task
from evaluators.device.upkeep.prepare import Prepared, prepare
from evaluators.runtimes.settings import RuntimeSettings
from tests.evaluators.device.models import write_images
from tests.evaluators.device.sshd import Board, Sshd, make_board
from tests.evaluators.device.tflite_models import write_network

pytestmark = [
    pytest.mark.whole,
    pytest.mark.skipif(sys.platform != "linux", reason="the board of these tests is this machine"),
]

FETCH_S = 120


@dataclass(frozen=True)
class Outcome:
    board: Board
    prepared: Prepared
    lines: list[str]


@pytest.fixture(scope="module")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a board with this machine's Python needs, as this machine's pip gets it."""
    folder = tmp_path_factory.mktemp("wheels")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--dest", str(folder)]
    try:
        done = subprocess.run(
            [*command, "onnxruntime", "ai-edge-litert", "numpy"], capture_output=True, text=True, timeout=FETCH_S
        )
    except subprocess.TimeoutExpired:
        pytest.skip(f"no wheels within {FETCH_S} s")
    if done.returncode != 0:
        pytest.skip(f"no wheels: {done.stderr.strip().splitlines()[-1]}")
    return folder


@pytest.fixture(scope="module")
def outcome(sshd: Sshd, wheels: Path, tmp_path_factory: pytest.TempPathFactory) -> Outcome:
    return prepared(sshd, wheels, tmp_path_factory.mktemp("prepared") / "home")


def prepared(sshd: Sshd, wheels: Path, home: Path) -> Outcome:
    """A board that reaches no index, from these wheels."""
    board = make_board(sshd, home, prepared=False)
    pip = board.home / ".config" / "pip" / "pip.conf"
    pip.parent.mkdir(parents=True)
    pip.write_text("[global]\nno-index = true\nfind-links =\n")
    lines: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PIP_NO_INDEX", "1")
        patch.setenv("PIP_FIND_LINKS", str(wheels))
        return Outcome(board, asyncio.run(prepare(board.address, login=board.login(), say=lines.append)), lines)


def test_it_comes_from_wheels_fetched_here_where_the_board_has_no_network(outcome: Outcome) -> None:
    assert any("it reaches no package index; fetching" in line for line in outcome.lines)
    assert any("sending" in line for line in outcome.lines)
    assert outcome.prepared.made


def runtimes_of(board: Board) -> tuple[str, ...]:
    async def described() -> tuple[str, ...]:
        async with board.device() as device:
            return device.info.runtimes

    return asyncio.run(described())


def test_its_runtimes_are_found_there(outcome: Outcome) -> None:
    first, second = runtimes_of(outcome.board)
    titles = (first.replace("onnxruntime", "ONNX Runtime"), second.replace("litert", "LiteRT"))
    assert outcome.prepared.runtimes == titles
    assert outcome.prepared.left_out == ()


def test_again_it_takes_a_single_look_at_the_board(outcome: Outcome) -> None:
    profile, commands = outcome.board.home / "profile", outcome.board.home / "commands"
    profile.write_text(f"echo >> {commands}\n")
    again = asyncio.run(prepare(outcome.board.address, login=outcome.board.login(), say=lambda text: None))
    profile.unlink()
    assert not again.made
    assert commands.read_text() == "\n"


def test_only_the_environment_is_left(outcome: Outcome) -> None:
    (environment,) = (outcome.board.folder / "environments").iterdir()
    assert (outcome.board.folder / "venv").resolve() == environment
    assert not (environment / "wheels").exists()


def test_its_commands_are_whole(outcome: Outcome) -> None:
    """A moved environment's would start with a path that is gone."""
    pip = outcome.board.folder / "venv" / "bin" / "pip"
    done = subprocess.run([pip, "--version"], capture_output=True, text=True, env={**os.environ, "HOME": "/nowhere"})
    assert done.returncode == 0, done.stderr


def test_a_missing_wheel_is_named_and_the_board_measures_with_the_other_runtime(
    sshd: Sshd, wheels: Path, tmp_path: Path
) -> None:
    """The last one here: the server leads to its board from now on."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    for wheel in wheels.iterdir():
        if not wheel.name.startswith("onnxruntime"):
            (folder / wheel.name).symlink_to(wheel)
    without = prepared(sshd, folder, tmp_path / "home")
    assert [text.split(" (")[0] for text in without.prepared.left_out] == ["ONNX Runtime"]
    assert "No matching distribution" in without.prepared.left_out[0]
    assert [text.split()[0] for text in runtimes_of(without.board)] == ["litert"]
    task = Task(
        model=write_network(tmp_path / "network.tflite"),
        images=write_images(tmp_path / "images.npy", 16),
        runtime=RuntimeSettings(runtime="litert"),
        limit_s=0.05,
    )

    async def run() -> ProcessRun:
        async with without.board.device() as device:
            return await device.run(task)

    assert asyncio.run(run()).latencies_s
