"""LiteRT's interpreter killed or crashed, here and on a board over ssh: whose fault it is, and what goes on."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from evaluators.device.device import Device, Task
from evaluators.errors import DeviceError
from evaluators.examiner import Examiner
from evaluators.measured import Measured, Subject
from evaluators.runtimes.settings import RuntimeSettings
from space.errors import CandidateError
from tests.evaluators.device.models import write_images
from tests.evaluators.device.processes import children_of
from tests.evaluators.device.runs import process_run
from tests.evaluators.device.short import LIMIT_S
from tests.evaluators.device.sshd import Board
from tests.evaluators.device.tflite_models import write_endless, write_network, write_without_output

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

LITERT = RuntimeSettings(runtime="litert")


@pytest.fixture
def task(tmp_path: Path) -> Task:
    network, images = write_network(tmp_path / "network.tflite"), write_images(tmp_path / "images.npy", 16)
    return Task(model=network, images=images, runtime=LITERT, limit_s=LIMIT_S)


@pytest.fixture
def examiner(device: Device, task: Task, monkeypatch: pytest.MonkeyPatch) -> Examiner:
    """An examiner whose reference is a network under LiteRT."""
    monkeypatch.setattr("evaluators.measuring.Task", partial(Task, limit_s=LIMIT_S))
    examiner = Examiner(device, task.images, pauses=(0.0, 0.0, 0.0))
    examiner.use_reference(Subject("reference", task.model, LITERT), [process_run()] * 3)
    return examiner


def measured(examiner: Examiner, model: Path, progress: Callable[[str, float], None]) -> Measured:
    async def measure() -> Measured:
        await examiner.open()
        try:
            return await examiner.measure(Subject("candidate", model, LITERT), progress=progress)
        finally:
            await examiner.close()

    return asyncio.run(measure())


def quiet(what: str, share: float) -> None:
    return None


class KillOnce:
    """The on-device program, once it times a candidate."""

    def __init__(self, program: Callable[[], int]) -> None:
        self.program = program
        self.steps: list[str] = []

    def __call__(self, what: str, share: float) -> None:
        first = what == "timing" and what not in self.steps
        self.steps.append(what)
        if first:
            os.kill(self.program(), signal.SIGKILL)


def killer(device: Device, request: pytest.FixtureRequest) -> KillOnce:
    def here() -> int:
        (program,) = [pid for pid in children_of(os.getpid()) if b".pyz" in Path(f"/proc/{pid}/cmdline").read_bytes()]
        return program

    over_ssh = request.node.callspec.params["device"] == "ssh"
    board: Board | None = request.getfixturevalue("board") if over_ssh else None
    return KillOnce(board.program if board else here)


@pytest.mark.whole
def test_a_killed_interpreter_is_the_devices_fault_and_the_next_run_works(
    device: Device, task: Task, request: pytest.FixtureRequest
) -> None:
    async def check() -> None:
        async with device as opened:
            with pytest.raises(DeviceError, match=r"SIGKILL \(out of memory\?\)"):
                await opened.run(replace(task, precision=1e-6, limit_s=600), killer(device, request))
            assert (await opened.run(task)).latencies_s

    asyncio.run(check())


@pytest.mark.whole
def test_a_candidate_whose_interpreter_was_killed_once_is_measured_again(
    device: Device, examiner: Examiner, task: Task, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    second_model, kill = write_network(tmp_path / "other.tflite", "static_int8"), killer(device, request)
    assert measured(examiner, second_model, kill).figures.latency_s > 0
    assert kill.steps.count("loading") >= 2


@pytest.mark.whole
def test_a_file_over_which_the_interpreter_crashes_is_the_candidates_fault(examiner: Examiner, tmp_path: Path) -> None:
    endless = write_endless(tmp_path / "endless.tflite")
    with pytest.raises(
        CandidateError, match=r"failed on it 3 times, on the reference never: .*SIGSEGV \(the runtime crashed\)"
    ):
        measured(examiner, endless, quiet)


def test_a_damaged_file_is_the_candidates_fault_at_once(examiner: Examiner, task: Task, tmp_path: Path) -> None:
    cut, loads = tmp_path / "cut.tflite", list[str]()
    cut.write_bytes(task.model.read_bytes()[:-2000])
    with pytest.raises(CandidateError, match=r"cut\.tflite does not run .*LiteRT .* cannot load it"):
        measured(examiner, cut, lambda what, share: loads.append(what) if what == "loading" else None)
    assert loads == ["loading"]


def test_a_file_without_logits_is_the_candidates_fault(examiner: Examiner, tmp_path: Path) -> None:
    with pytest.raises(CandidateError, match="it has no output"):
        measured(examiner, write_without_output(tmp_path / "mute.tflite"), quiet)
