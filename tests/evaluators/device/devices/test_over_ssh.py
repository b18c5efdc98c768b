"""A board over ssh: a real ssh server, the real program, a real runtime and real models."""

import asyncio
import hashlib
import os
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import onnxruntime
import pytest

from evaluators.device.device import Device, ProcessRun, Task
from evaluators.device.devices.over_ssh import SshDevice
from evaluators.errors import DeviceError
from tests.contracts.device import DeviceContract
from tests.evaluators.device.boards import TEMPERATURE, write, write_board
from tests.evaluators.device.models import write_classifier
from tests.evaluators.device.processes import GONE_S
from tests.evaluators.device.sshd import Board, Sshd, make_board
from tests.evaluators.device.wire import Wire

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture
def task(quick: Task) -> Task:
    return quick


class TestSshDevice(DeviceContract):
    @pytest.fixture
    def device(self, board: Board) -> Device:
        return board.device(program=None)


T = TypeVar("T")


def entered(device: SshDevice, use: Callable[[SshDevice], Awaitable[T]]) -> T:
    async def in_between() -> T:
        async with device:
            return await use(device)

    return asyncio.run(in_between())


@pytest.fixture
def wire(sshd: Sshd) -> Iterator[Wire]:
    with Wire(sshd.port) as wire:
        yield wire


def inodes(board: Board) -> dict[str, int]:
    return {file.name: file.stat().st_ino for file in board.files}


def test_its_figures_are_of_the_board(board: Board) -> None:
    async def info(device: SshDevice) -> tuple[str, str]:
        return device.info.pool, device.info.runtime

    device = board.device(environment={"SEARCH_SYSROOT": str(board.pretend("Raspberry Pi 5 Model B"))})
    assert entered(device, info) == ("Raspberry Pi 5 Model B", f"onnxruntime {onnxruntime.__version__}")


def test_a_board_that_is_this_machine_is_known_as_such(board: Board) -> None:
    async def here(device: SshDevice) -> bool:
        return device.info.on_this_machine

    assert entered(board.device(), here)


def test_without_an_environment_of_its_own_the_boards_python_does(sshd: Sshd, tmp_path: Path, quick: Task) -> None:
    board = make_board(sshd, tmp_path / "home", prepared=False)
    assert entered(board.device(), lambda device: device.run(quick)).latencies_s


def test_what_login_scripts_set_and_say_does_not_reach_the_program(board: Board, quick: Task, tmp_path: Path) -> None:
    (board.home / "profile").write_text("echo Welcome\nexport OMP_NUM_THREADS=7 PYTHONPATH=/nowhere\n")
    program = tmp_path / "program.py"
    program.write_text("import os, sys\nsys.exit(' '.join(sorted(os.environ)))\n")
    with pytest.raises(DeviceError, match=r"\(HOME LANG( LC_CTYPE)? PATH( PWD)?\)"):
        entered(board.device(program=program), lambda device: device.run(quick))


def test_its_folder_is_for_its_user_alone(board: Board, quick: Task) -> None:
    entered(board.device(), lambda device: device.run(quick))
    assert board.folder.stat().st_mode & 0o777 == 0o700


def test_a_file_is_sent_once(board: Board, wire: Wire, quick: Task) -> None:
    async def twice(device: SshDevice) -> tuple[int, int]:
        await device.run(quick)
        first = wire.sent
        await device.run(quick)
        return first, wire.sent - first

    device = board.device(board.login({"Port": wire.port}))
    first, second = entered(device, twice)
    size = quick.images.stat().st_size + quick.model.stat().st_size
    assert first > size
    assert second < 4000 < size


def test_what_the_board_has_from_before_is_not_sent_again(board: Board, quick: Task) -> None:
    entered(board.device(), lambda device: device.run(quick))
    before = inodes(board), (board.folder / "program").stat().st_mtime_ns
    entered(board.device(), lambda device: device.run(quick))
    assert (inodes(board), (board.folder / "program").stat().st_mtime_ns) == before


def test_what_a_power_cut_left_is_sent_again(board: Board, quick: Task) -> None:
    entered(board.device(), lambda device: device.run(quick))
    for file in board.files:
        os.truncate(file, 10)
    assert entered(board.device(), lambda device: device.run(quick)).latencies_s


def test_files_removed_meanwhile_are_a_fault_once(board: Board, quick: Task) -> None:
    async def removed(device: SshDevice) -> ProcessRun:
        await device.run(quick)
        for file in board.files:
            file.unlink()
        with pytest.raises(DeviceError, match="images"):
            await device.run(quick)
        return await device.run(quick)

    assert entered(board.device(), removed).latencies_s


def test_the_least_recently_used_files_make_room(board: Board, quick: Task, tmp_path: Path) -> None:
    models = [write_classifier(tmp_path / f"{seed}.onnx", channels=600, seed=seed) for seed in range(3)]
    size = models[0].stat().st_size
    limit = quick.images.stat().st_size + 2 * size + size // 2

    async def first_two(device: SshDevice) -> None:
        for model in (models[0], models[1]):
            await device.run(replace(quick, model=model))
        names = set(inodes(board))
        await device.run(replace(quick, model=models[0]))
        assert set(inodes(board)) == names

    # The runs go over two connections: the order is what the board's files say.
    entered(board.device(files_bytes=limit), first_two)
    entered(board.device(files_bytes=limit), lambda device: device.run(replace(quick, model=models[2])))
    digests = {hashlib.sha256(model.read_bytes()).hexdigest() for model in (models[0], models[2])}
    assert {file.stem for file in board.files if file.suffix == ".onnx"} == digests


def test_half_files_of_long_ago_are_removed(board: Board) -> None:
    async def nothing(device: SshDevice) -> None:
        pass

    (board.folder / "files").mkdir()
    old, new = (board.folder / "files" / f"abc.onnx.part{number}" for number in (1, 2))
    for part in (old, new):
        part.write_bytes(b"")
    os.utime(old, (time.time() - 7200, time.time() - 7200))
    entered(board.device(), nothing)
    assert board.files == [new]


def test_two_tasks_at_once_are_run_one_after_the_other(board: Board, quick: Task) -> None:
    async def both(device: SshDevice) -> tuple[ProcessRun, ProcessRun]:
        return await asyncio.gather(device.run(quick), device.run(quick))  # type: ignore[return-value]

    first, second = sorted(entered(board.device(), both), key=lambda run: run.began_s or 0)
    assert first.began_s is not None
    assert second.began_s is not None
    assert second.began_s >= first.began_s + first.wall_s


def test_another_board_after_a_reconnection_is_not_taken_for_the_first(board: Board, wire: Wire, quick: Task) -> None:
    system = board.pretend("Raspberry Pi 5 Model B")

    async def exchanged(device: SshDevice) -> None:
        board.pretend("Raspberry Pi 3 Model B")
        wire.cut()
        await asyncio.sleep(0.1)
        with pytest.raises(DeviceError, match="model is 'Raspberry Pi 3 Model B', before it was 'Raspberry Pi 5"):
            await device.run(quick)

    login = board.login({"Port": wire.port})
    entered(board.device(login, environment={"SEARCH_SYSROOT": str(system)}), exchanged)


@pytest.mark.whole
def test_many_runs_leave_nothing_behind(board: Board, quick: Task) -> None:
    def state() -> tuple[int, int, list[str]]:
        return (
            len(list(Path("/proc/self/fd").iterdir())),
            len(board.sshd.sessions()),
            [file.name for file in board.files],
        )

    async def many(device: SshDevice) -> None:
        await device.run(quick)
        before = state()
        for _ in range(8):
            await device.run(quick)
        assert state() == before
        assert await asyncio.to_thread(board.is_empty_within, GONE_S)

    entered(board.device(), many)


def test_a_3b_plus_is_let_cool_down_below_its_soft_limit(board: Board, quick: Task, tmp_path: Path) -> None:
    write_board(tmp_path / "hot")
    steps: list[str] = []

    def heard(what: str, share: float) -> None:
        steps.append(what)
        if what.startswith("cooling"):
            write(tmp_path / "hot", TEMPERATURE, "54900")

    device = board.device(environment={"SEARCH_SYSROOT": str(tmp_path / "hot")})
    run = entered(device, lambda device: device.run(quick, heard))
    assert "cooling down, 61.2 °C" in steps
    assert not any("cooled" in warning for warning in run.warnings)
