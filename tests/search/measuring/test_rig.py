"""Several boards of one kind: recorded ones, so that each is as fast as the test wants it."""

import asyncio
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from evaluators.device.device import Guard, ProcessRun, Progress, Task
from evaluators.device.devices.local import LocalDevice
from evaluators.device.devices.over_ssh import SshDevice
from evaluators.device.devices.replay import RecordedRun, write_recording
from evaluators.errors import DeviceError
from evaluators.examiner import Examiner
from evaluators.measurement import Figures
from evaluators.race import NO_RACE
from search.measuring.board_worker import Worker
from search.measuring.rig import Board, Rig, open_rig, subject_of
from space.candidate import Candidate
from space.errors import RequestError
from tests.evaluators.device.models import write_classifier, write_images
from tests.evaluators.device.runs import INFO, process_run
from tests.evaluators.device.sshd import Board as Ssh
from tests.evaluators.device.wire import Wire
from tests.search.made_up import evaluation

# Longer than any step takes: a test fails, it does not hang.
HANG_S = 60.0
# An answer to `describe`; the end at everything else.
DYING = """
import json, sys
request = json.loads(sys.stdin.readline())
if request["do"] == "describe":
    print(json.dumps({
        "event": "result", "protocol": 1, "model": "m", "cores": 2, "system": "s", "governor": "g", "runtime": "r",
        "serial": "", "providers": [], "python": "3", "memory_bytes": None, "bits": 64, "machine": "x",
    }), flush=True)
"""


def measured_by_all(rig: Rig, candidate: Candidate, tasks: int) -> list[Figures]:
    """No board begins before everything is asked for: a recorded one is done at once."""
    gates = [threading.Event() for _ in rig._boards]

    async def opened(gate: threading.Event) -> None:
        await asyncio.to_thread(gate.wait, HANG_S)

    for board, gate in zip(rig._boards, gates, strict=True):
        board.worker.submit(opened, gate)
    asked = [rig.measure(subject_of(candidate), NO_RACE) for _ in range(tasks)]
    for gate in gates:
        gate.set()
    return [task.result(HANG_S).figures for task in asked]


@pytest.fixture
def candidate(tmp_path: Path) -> Candidate:
    built = evaluation().candidate
    return replace(built, file=write_classifier(tmp_path / "model.onnx", structure_id=built.recipe.structure_id))


@pytest.fixture
def recorded(tmp_path: Path, candidate: Candidate) -> Callable[..., str]:
    """A board whose every run takes so long."""

    def make(name: str, latency_ms: float, **changes: object) -> str:
        run = process_run([latency_ms / 1e3] * 200, block_starts=tuple(range(0, 200, 5)))
        info = replace(INFO, serial=name, on_this_machine=False, **changes)
        write_recording(tmp_path / name, info, [RecordedRun(candidate.recipe.structure_id, run)])
        return f"replay:{tmp_path / name}"

    return make


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., tuple[Rig, list[str]]]]:
    with ExitStack() as stack:

        def make(*devices: str) -> tuple[Rig, list[str]]:
            lines: list[str] = []
            images = write_images(tmp_path / "images.npy", 4)
            return stack.enter_context(open_rig(devices, images, lines.append)), lines

        yield make


def test_a_board_a_little_slower_is_calibrated_by_the_reference(opened, recorded, candidate):
    rig, lines = opened(recorded("a", 2.0), recorded("b", 2.06))
    rig.use_reference(candidate, [])
    figures = measured_by_all(rig, candidate, 4)
    assert rig.boards == 2
    assert lines == []
    assert [figure.latency_s for figure in figures] == pytest.approx([0.002] * 4)
    assert {figure.serial for figure in figures} == {"a", "b"}


def test_a_board_that_disagrees_is_set_aside_and_named(opened, recorded, candidate):
    slow = recorded("slow", 3.0)
    rig, lines = opened(recorded("a", 2.0), slow, recorded("b", 2.02))
    rig.use_reference(candidate, [])
    assert rig.boards == 2
    assert lines == [f"{slow} is set aside, 2 left: it times the reference at 3 ms, the others at 2.02 ms"]


def test_work_goes_to_the_board_that_has_least_to_do(opened, recorded, candidate):
    rig, _ = opened(recorded("a", 2.0), recorded("b", 2.0))
    rig.use_reference(candidate, [])
    serials = [figure.serial for figure in measured_by_all(rig, candidate, 8)]
    assert sorted(serials) == [*["a"] * 4, *["b"] * 4]


def test_boards_of_two_kinds_are_refused_with_what_differs(opened, recorded):
    with pytest.raises(RequestError, match=r"differ in governor \(ondemand, performance\)"):
        opened(recorded("a", 2.0), recorded("b", 2.0, governor="performance"))


def dying(tmp_path: Path, stack: ExitStack) -> Board:
    program = tmp_path / "dying.py"
    program.write_text(DYING)
    images = write_images(tmp_path / "few.npy", 4)
    board = Board("dying", stack.enter_context(Worker()), Examiner(LocalDevice(program=program), images, pauses=()))
    board.worker.submit(board.examiner.open).result()
    return board


def test_the_work_of_a_board_that_fails_goes_to_another(opened, recorded, candidate, tmp_path):
    other, lines = opened(recorded("a", 2.0))
    with ExitStack() as stack:
        rig = Rig([dying(tmp_path, stack), other.first], lines.append)
        measured = rig.measure(subject_of(candidate), NO_RACE).result()
    assert measured.figures.serial == "a"
    assert rig.boards == 1
    assert lines[0].startswith("dying is set aside, 1 left: ")


def test_the_study_goes_on_when_its_first_board_is_set_aside(opened, recorded, candidate):
    """Its serial number stands for the boards' bench: what the others measure would belong to no study."""
    rig, lines = opened(recorded("slow", 3.0), recorded("a", 2.0), recorded("b", 2.02))
    bench_id = rig.bench.id
    rig.use_reference(candidate, [])
    assert "slow is set aside" in lines[0]
    assert rig.bench.id == bench_id


def test_without_another_board_the_fault_is_the_rigs(candidate, tmp_path):
    with ExitStack() as stack:
        rig = Rig([dying(tmp_path, stack)], print)
        with pytest.raises(DeviceError):
            rig.measure(subject_of(candidate), NO_RACE).result()


class Cut(SshDevice):
    """The real one, whose connection is cut in the middle of one of its runs: the first, the second, ..."""

    wire: Wire
    left = 0

    async def run(self, task: Task, progress: Progress | None = None) -> ProcessRun:
        def tell(step: str, share: float) -> None:
            if step == "timing" and self.left > 0:
                self.left -= 1
                if self.left == 0:
                    self.wire.cut()

        return await super().run(task, tell)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize(("boards", "cut", "nth"), [(1, 0, 1), (1, 0, 2), (2, 0, 1), (2, 1, 1), (2, 0, 2), (2, 1, 2)])
@pytest.mark.whole
def test_a_connection_that_drops_while_the_reference_is_timed_costs_a_second_try(
    board: Ssh, candidate: Candidate, tmp_path: Path, boards: int, cut: int, nth: int
) -> None:
    """At the start, and of each board that is calibrated; none of them is set aside."""
    lines: list[str] = []
    images = write_images(tmp_path / "few.npy", 4)
    with ExitStack() as stack, Wire(board.sshd.port) as wire:
        opened = []
        for number in range(boards):
            device = Cut(
                board.address,
                login=board.login({"Port": wire.port}),
                environment={"SEARCH_SYSROOT": str(tmp_path / "calm")},
                guard=Guard(lock=str(board.home / "lock"), heartbeat_s=20.0),
            )
            device.wire, device.left = wire, nth if number == cut else 0
            rig_board = Board(str(number), stack.enter_context(Worker()), Examiner(device, images, pauses=(0.0, 0.0)))
            rig_board.worker.submit(rig_board.examiner.open).result()
            stack.callback(lambda rig_board=rig_board: rig_board.worker.submit(rig_board.examiner.close).result())
            opened.append(rig_board)
        rig = Rig(opened, lines.append)
        rig.use_reference(candidate, [])
        assert [rig_board.examiner.device.left for rig_board in opened] == [0] * boards
    assert not [words for words in lines if "connection lost" in words]
