"""What goes wrong on a board over ssh, for real: it is told, nothing stays over there, and the next run works."""

import asyncio
import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from evaluators.device.device import Guard, ProcessRun, Task
from evaluators.device.devices.over_ssh import SshDevice
from evaluators.device.on_board.application import packed
from evaluators.errors import DeviceError
from evaluators.examiner import Examiner
from evaluators.measured import Subject
from evaluators.measurement import Figures
from space.errors import CandidateError, RequestError
from tests.evaluators.device.models import write_classifier
from tests.evaluators.device.processes import GONE_S
from tests.evaluators.device.runs import process_run
from tests.evaluators.device.short import LIMIT_S, parts
from tests.evaluators.device.sshd import NAME, Board, Sshd, free_port, make_board, new_key
from tests.evaluators.device.wire import Wire

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")


@pytest.fixture(scope="session")
def endless(quick: Task, tmp_path_factory: pytest.TempPathFactory) -> Task:
    """A megabyte to send, and then until it is stopped."""
    images = tmp_path_factory.mktemp("endless") / "many.npy"
    np.save(images, np.random.default_rng(0).integers(0, 256, (340, 3, 32, 32), np.uint8))
    return replace(quick, images=images, precision=1e-6, limit_s=600)


@pytest.fixture(autouse=True)
def shortly(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test here asks how exact an examiner's figures are."""
    monkeypatch.setattr("evaluators.measuring.Task", partial(Task, limit_s=LIMIT_S))


@pytest.fixture
def wire(sshd: Sshd) -> Iterator[Wire]:
    with Wire(sshd.port) as wire:
        yield wire


def over(wire: Wire, board: Board, **changes: float) -> SshDevice:
    return calm(board, login=board.login({"Port": wire.port}, **changes))


def fault_at(step: str, fault: Callable[[], None]) -> Callable[[str, float], None]:
    """The fault happens once, when a run gets to that step."""
    pending = [fault]

    def progress(what: str, share: float) -> None:
        if what.startswith(step) and pending:
            pending.pop()()

    return progress


def check_fault(
    board: Board, device: SshDevice, task: Task, quick: Task, reason: str, progress: Callable[[str, float], None]
) -> None:
    async def check() -> None:
        async with device:
            with pytest.raises(DeviceError, match=reason):
                await device.run(task, progress)
            assert await asyncio.to_thread(board.is_empty_within, GONE_S)
            assert (await device.run(quick)).latencies_s

    asyncio.run(check())


def refused(device: SshDevice, kind: type[Exception] = DeviceError) -> str:
    """What is said to who enters the device."""

    async def enter() -> None:
        async with device:
            pass

    with pytest.raises(kind) as error:
        asyncio.run(enter())
    return str(error.value)


# --- logging in ------------------------------------------------------------------------------------------------------


def test_an_unknown_host_key_is_not_trusted(board: Board) -> None:
    empty = board.home / "known_hosts"
    empty.write_text("")
    message = refused(board.device(board.login({"UserKnownHostsFile": empty})))
    assert f"python -m search devices trust {NAME}" in message


def test_known_hosts_that_are_not_there_know_nobody(board: Board) -> None:
    assert "unknown" in refused(board.device(board.login({"UserKnownHostsFile": board.home / "nowhere"})))


def test_a_changed_host_key_is_said_to_have_changed(board: Board) -> None:
    known_hosts = board.home / "known_hosts"
    known_hosts.write_text(f"{NAME} {new_key(board.home / 'other_key')}\n")
    message = refused(board.device(board.login({"UserKnownHostsFile": known_hosts})))
    assert "HOST KEY HAS CHANGED" in message
    assert "devices trust" not in message


def test_a_check_of_host_keys_that_is_turned_off_is_refused(board: Board) -> None:
    message = refused(board.device(board.login({"UserKnownHostsFile": "none"})), RequestError)
    assert "UserKnownHostsFile" in message


def test_a_configuration_that_trusts_anybody_trusts_nobody(board: Board) -> None:
    login = board.login({"UserKnownHostsFile": "/dev/null", "StrictHostKeyChecking": "no"})
    assert "unknown" in refused(board.device(login))


def test_a_refused_key_names_the_user_and_the_way_in(board: Board) -> None:
    new_key(board.home / "stranger")
    message = refused(board.device(board.login({"IdentityFile": board.home / "stranger", "User": "root"})))
    assert "user root" in message
    assert f"ssh-copy-id root@{NAME}" in message


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_refused_connection_is_told_also_of_several_addresses(board: Board, host: str) -> None:
    assert "connection refused" in refused(board.device(board.login({"HostName": host, "Port": free_port()})))


def test_a_name_nobody_knows_is_told(board: Board) -> None:
    assert "no machine of this name" in refused(board.device(board.login({"HostName": "nowhere.invalid"})))


def test_a_board_that_accepts_and_says_nothing_is_told(board: Board) -> None:
    with socket.create_server(("127.0.0.1", 0)) as mute:
        message = refused(board.device(board.login({"Port": mute.getsockname()[1]}, connect_s=0.3)))
    assert "no answer in time" in message


def test_a_server_of_another_kind_is_told(board: Board) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(GONE_S)

        def answer() -> None:
            with server.accept()[0] as caller:
                caller.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

        async def enter() -> None:
            with pytest.raises(DeviceError, match=NAME):
                await asyncio.gather(
                    board.device(board.login({"Port": server.getsockname()[1]}, connect_s=2)).__aenter__(),
                    asyncio.to_thread(answer),
                )

        asyncio.run(enter())


def test_a_configuration_that_is_none_is_refused(board: Board) -> None:
    message = refused(board.device(board.login({"Port": "ssh"})), RequestError)
    assert "configuration" in message


# --- the board's system ----------------------------------------------------------------------------------------------


def test_a_32_bit_system_is_refused_with_the_reason(board: Board) -> None:
    board.put_program("getconf", "echo 32")
    board.put_program("uname", "echo aarch64")
    message = refused(board.device())
    assert "32-bit (kernel aarch64)" in message
    assert "64-bit Raspberry Pi OS" in message


def test_a_32_bit_python_is_refused_as_well(board: Board, tmp_path: Path) -> None:
    assert "32-bit" in refused(board.device(program=stand_in(tmp_path, "", bits=32)))


def test_a_board_without_the_runtime_is_told_how_to_get_it(sshd: Sshd, tmp_path: Path) -> None:
    board = make_board(sshd, tmp_path / "home", prepared=False)
    board.put_program("python3", "exit 1")
    assert f"python -m search devices prepare {NAME}" in refused(board.device())


def test_an_account_that_runs_no_commands_is_told_with_its_words(board: Board) -> None:
    (board.home / "profile").write_text("echo This account is currently not available.\nexit 1\n")
    assert "This account is currently not available" in refused(board.device())


# --- the connection --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("step", ["warming up", "timing"])
@pytest.mark.whole
def test_a_connection_cut_in_a_run_is_made_anew(
    board: Board, wire: Wire, endless: Task, quick: Task, step: str
) -> None:
    check_fault(board, over(wire, board), endless, quick, "connection lost", fault_at(step, wire.cut))


def test_a_connection_cut_while_sending_leaves_no_half_file(
    board: Board, wire: Wire, endless: Task, quick: Task
) -> None:
    cut = fault_at(f"sending {endless.images.name}", lambda: wire.cut_after(300_000))
    check_fault(board, over(wire, board), endless, quick, "connection lost", cut)
    assert {file.name.partition(".")[2] for file in board.files} == {"onnx", "npy"}


def test_a_connection_lost_between_runs_is_not_even_noticed(board: Board, wire: Wire, quick: Task) -> None:
    async def twice() -> ProcessRun:
        async with over(wire, board) as device:
            await device.run(quick)
            wire.cut()
            await asyncio.sleep(0.1)
            return await device.run(quick)

    assert asyncio.run(twice()).latencies_s


@pytest.mark.whole
def test_a_server_that_dies_in_a_run_is_told(board: Board, endless: Task, quick: Task) -> None:
    def kill() -> None:
        for pid in board.sshd.sessions():
            os.kill(pid, signal.SIGKILL)

    check_fault(board, board.device(), endless, quick, "connection lost", fault_at("timing", kill))


@pytest.mark.whole
def test_a_frozen_connection_is_noticed_at_both_ends(board: Board, wire: Wire, endless: Task, quick: Task) -> None:
    login = board.login({"Port": wire.port}, keepalive_s=0.5)

    async def check() -> None:
        async with board.device(login, guard=Guard(lock=str(board.home / "lock"), heartbeat_s=3.0)) as device:
            with pytest.raises(DeviceError, match=r"connection lost.*keepalive"):
                await device.run(endless, fault_at("timing", wire.freeze))
            assert await asyncio.to_thread(board.is_empty_within, GONE_S)
            wire.thaw()
            assert (await device.run(quick)).latencies_s

    asyncio.run(check())


# --- the program -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "reason"), [(signal.SIGKILL, r"SIGKILL \(out of memory\?\)"), (signal.SIGILL, "SIGILL.*another version")]
)
@pytest.mark.whole
def test_a_program_ended_by_a_signal_is_told_by_its_name(
    board: Board, endless: Task, quick: Task, number: int, reason: str
) -> None:
    end = fault_at("timing", lambda: os.kill(board.program(), number))
    check_fault(board, board.device(), endless, quick, reason, end)


def test_a_cancelled_run_leaves_nothing_and_keeps_the_connection(board: Board, endless: Task, quick: Task) -> None:
    async def check() -> None:
        async with board.device() as device:
            sessions = board.sshd.sessions()
            timing = asyncio.Event()
            run = asyncio.create_task(device.run(endless, fault_at("timing", timing.set)))
            await timing.wait()
            run.cancel()
            await asyncio.wait([run])
            assert run.cancelled()
            assert await asyncio.to_thread(board.is_empty_within, GONE_S)
            assert (await device.run(quick)).latencies_s
            assert board.sshd.sessions() == sessions

    asyncio.run(check())


def stand_in(folder: Path, body: str, bits: int = 64) -> Path:
    """A program that describes the board as ours does; asked to measure, it does as it likes."""
    answers = 'if b"describe" in line: print(json.dumps(INFO), flush=True); os._exit(0)'
    info = {
        "event": "result",
        "protocol": 1,
        "model": "stand-in",
        "cores": 1,
        "system": "",
        "governor": "",
        "runtime": "",
        "providers": [],
        "python": "",
        "serial": "",
        "bits": bits,
    }
    path = folder / "program.py"
    path.write_text(
        f"import json, os, signal, sys, time\nINFO = {info!r}\nline = sys.stdin.buffer.readline()\n{answers}\n{body}\n"
    )
    return path


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("print('Traceback (most recent call last):')", "is not JSON"),
        ("print('{}')", "unknown kind"),
        ('print(\'{"event": "result", "protocol": 1}\')', "does not hold together"),
        ("sys.stdout.write('x' * 20_000_000)", "without an end"),
        ("sys.exit(3)", "status 3"),
        ("sys.exit('no such module')", "no such module"),
        ("os.kill(os.getpid(), signal.SIGILL)", "SIGILL.*processor"),
        ("time.sleep(60)", "no answer while starting, after 0.5 s"),
        ("os.close(0); time.sleep(60)", "no answer while starting"),
    ],
)
def test_a_program_that_misbehaves_is_told_and_removed(
    board: Board, quick: Task, tmp_path: Path, body: str, reason: str
) -> None:
    # A busy machine takes its time over an answer, too.
    silence_s = 0.5 if "no answer" in reason else GONE_S

    async def check() -> None:
        async with board.device(program=stand_in(tmp_path, body), silence_s=silence_s) as device:
            with pytest.raises(DeviceError, match=reason):
                await device.run(quick)
            assert await asyncio.to_thread(board.is_empty_within, GONE_S)

    asyncio.run(check())


@pytest.mark.whole
def test_the_program_hears_from_us_often_enough_to_go_on(board: Board, quick: Task) -> None:
    async def ask() -> ProcessRun:
        async with board.device(guard=Guard(lock="", heartbeat_s=2.0)) as device:
            return await device.run(replace(quick, precision=1e-6, limit_s=2.5))

    assert asyncio.run(ask()).wall_s >= 2.5


# --- the disk --------------------------------------------------------------------------------------------------------


@pytest.fixture
def small_disk(board: Board) -> Iterator[Path]:
    files = board.folder / "files"
    files.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=300k", "none", files], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"no small disk: {mounted.stderr.decode().strip()}")
    yield files
    subprocess.run(["umount", files], check=True)


def test_a_full_disk_is_said_with_figures(board: Board, small_disk: Path, endless: Task, quick: Task) -> None:
    check_fault(
        board,
        board.device(),
        endless,
        quick,
        r"disk full: many\.npy takes 1\.0 MB, 0\.\d MB free",
        lambda what, share: None,
    )
    assert len(board.files) == 2


# --- the recipe ------------------------------------------------------------------------------------------------------


def calm(board: Board, **changes: Any) -> SshDevice:
    """A board whose /proc tells of nobody else: other tests run beside it, and a disturbed run is taken again."""
    return board.device(environment={"SEARCH_SYSROOT": str(board.home / "calm")}, **changes)


def examiner_of(device: SshDevice, quick: Task) -> Examiner:
    examiner = Examiner(device, quick.images, pauses=(0.0, 0.0, 0.0))
    examiner.use_reference(Subject("reference", quick.model, quick.runtime), [process_run()] * 3)
    return examiner


def measured(examiner: Examiner, *subjects: Subject) -> list[Figures | Exception]:
    """What each of the subjects comes to, one after the other."""

    async def measure() -> list[Figures | Exception]:
        await examiner.open()
        results: list[Figures | Exception] = []
        try:
            for subject in subjects:
                try:
                    results.append((await examiner.measure(subject)).figures)
                except (CandidateError, DeviceError) as error:
                    results.append(error)
        finally:
            await examiner.close()
        return results

    return asyncio.run(measure())


@pytest.mark.whole
def test_a_full_disk_is_the_rigs_fault_however_well_the_reference_runs(
    board: Board, small_disk: Path, quick: Task, tmp_path: Path
) -> None:
    """The reference lies on the board already. Once there is room the same recipe is measured."""
    small = Subject("small", write_classifier(tmp_path / "small.onnx", channels=8), quick.runtime)
    large = Subject("large", write_classifier(tmp_path / "large.onnx", channels=1024), quick.runtime)
    filler = small_disk / "filler"
    examiner = examiner_of(calm(board), quick)
    first, second = measured(examiner, small, large)
    assert isinstance(first, Figures)
    assert isinstance(second, Figures)
    for file in small_disk.iterdir():
        if file.stat().st_size == large.file.stat().st_size:
            file.unlink()
    with contextlib.suppress(OSError), filler.open("wb") as file:
        while True:
            file.write(bytes(1000))
    first, second = measured(examiner_of(calm(board), quick), small, large)
    assert isinstance(first, Figures)
    assert isinstance(second, DeviceError)
    assert "disk full: large.onnx takes" in str(second)
    filler.unlink()
    (third,) = measured(examiner_of(calm(board), quick), large)
    assert isinstance(third, Figures)


@pytest.mark.whole
def test_a_connection_that_is_lost_while_sending_is_never_the_recipes_fault(
    board: Board, wire: Wire, quick: Task, tmp_path: Path
) -> None:
    """The wire breaks each time the candidate is sent; the reference needs not be sent at all."""
    large = Subject("large", write_classifier(tmp_path / "large.onnx", channels=1024), quick.runtime)
    examiner = examiner_of(over(wire, board), quick)

    def cut(step: str, share: float) -> None:
        if step == f"sending {large.file.name}":
            wire.cut_after(20_000)

    async def measure() -> None:
        await examiner.open()
        try:
            await examiner.measure_reference()
            with pytest.raises(DeviceError, match="connection lost"):
                await examiner.measure(large, progress=cut)
        finally:
            await examiner.close()

    asyncio.run(measure())


@pytest.mark.whole
def test_the_reference_that_tells_whose_fault_it_is_comes_over_the_wire_again(
    board: Board, small_disk: Path, quick: Task, tmp_path: Path
) -> None:
    """A model fails once it is loaded, and meanwhile the board takes no more files: that is no recipe's fault."""
    deadly = write_classifier(tmp_path / "deadly.onnx", channels=64)
    program = deadly_for(tmp_path, deadly, first=f"open({str(small_disk / 'filler')!r}, 'wb').write(bytes(300_000))")
    (result,) = measured(examiner_of(calm(board, program=program), quick), Subject("deadly", deadly, quick.runtime))
    assert isinstance(result, DeviceError)
    assert "disk full: classifier.onnx takes" in str(result)


def deadly_for(folder: Path, model: Path, first: str = "pass") -> Path:
    """Our program, that is ended over this model as the kernel ends who takes too much memory."""
    name, line = (
        "evaluators/device/program/runtimes.py",
        "def loaded(request: Dict[str, Any], shape: Sequence[int]) -> Runner:\n",
    )
    source = parts()[name].decode()
    assert line in source
    kill = (
        f"    if os.path.getsize(request['model']) == {model.stat().st_size}:\n"
        f"        try:\n            {first}\n        except OSError:\n            pass\n"
        "        os.kill(os.getpid(), 9)\n"
    )
    program = folder / "program.pyz"
    program.write_bytes(packed({**parts(), name: source.replace(line, line + kill).encode()}))
    return program


@pytest.mark.whole
def test_a_recipe_that_kills_the_program_each_time_is_the_candidates_fault(
    board: Board, quick: Task, tmp_path: Path
) -> None:
    deadly = write_classifier(tmp_path / "deadly.onnx", channels=64)
    examiner = examiner_of(calm(board, program=deadly_for(tmp_path, deadly)), quick)

    async def measure() -> None:
        await examiner.open()
        try:
            with pytest.raises(CandidateError, match=r"failed on it 3 times, on the reference never.*SIGKILL"):
                await examiner.measure(Subject("deadly", deadly, quick.runtime))
            assert (await examiner.measure_reference()).figures.latency_s > 0
        finally:
            await examiner.close()

    asyncio.run(measure())
