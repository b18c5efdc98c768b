"""On a board that others use too: the lock, the heartbeat, the heat, and what is seen while timing. Real processes."""

import asyncio
import contextlib
import fcntl
import functools
import json
import os
import pwd
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from evaluators.device import program
from evaluators.device.cleanliness import dirt
from evaluators.device.device import Guard, ProcessRun, Task
from evaluators.device.devices.local import LocalDevice
from evaluators.device.on_board.application import program_file
from evaluators.device.on_board.requests import measure_request
from evaluators.device.on_board.results import process_run
from evaluators.device.program import cooling, timing
from evaluators.device.program import lock as taking
from evaluators.device.program.answers import BoardNotFree
from evaluators.device.program.cooling import cool_down
from evaluators.device.program.lock import take_board
from evaluators.device.program.neighbours import busiest_neighbour, processes
from evaluators.device.program.requests import checked_request
from evaluators.device.program.surroundings import Watch
from evaluators.device.program.system import usable_cores
from evaluators.device.program.timing import measure
from evaluators.runtimes.settings import RuntimeSettings
from tests.evaluators.device.asked import Asked, whats
from tests.evaluators.device.boards import TEMPERATURE, THROTTLED, write, write_board, write_process, write_tool
from tests.evaluators.device.models import write_classifier, write_images
from tests.evaluators.device.processes import GONE_S

ROOT = Path(__file__).parents[3]
ME = pwd.getpwuid(os.getuid()).pw_name


@pytest.fixture(scope="module")
def quick(tmp_path_factory: pytest.TempPathFactory) -> Task:
    folder = tmp_path_factory.mktemp("quick")
    model, images = write_classifier(folder / "classifier.onnx"), write_images(folder / "images.npy")
    return Task(model=model, images=images, runtime=RuntimeSettings(), limit_s=0.1)


def request(task: Task, **guard: Any) -> bytes:
    guard = {"lock": "", **guard}
    return measure_request(task, model=str(task.model), images=str(task.images), guard=Guard(**guard))


def endless(task: Task) -> Task:
    return replace(task, precision=1e-6, limit_s=600)


# --- the lock --------------------------------------------------------------------------------------------------------


@pytest.fixture
def lock(tmp_path: Path) -> str:
    return str(tmp_path / "board.lock")


def test_who_waits_is_told_who_measures(quick: Task, lock: str) -> None:
    with Asked(request(endless(quick), lock=lock)) as holder:
        holder.until("timing")
        with Asked(request(quick, lock=lock)) as waiter:
            message = waiter.next()
        assert message["what"].startswith(f"waiting for the board, used by pid {holder.pid}, {ME}, since 20")


def test_who_waits_is_told_once_a_second(lock: str, monkeypatch: pytest.MonkeyPatch) -> None:
    now_s = 100.0
    reports: list[tuple[float, float]] = []

    def sleep(seconds: float) -> None:
        nonlocal now_s
        now_s += seconds

    monkeypatch.setattr(taking, "time", SimpleNamespace(monotonic=lambda: now_s, sleep=sleep))
    with held(lock, ""), pytest.raises(BoardNotFree, match=r"not free within 3\.5 s"):
        take_board(lock, 3.5, lambda what, share: reports.append((now_s - 100, share)))
    # It looks ten times a second.
    assert [seconds for seconds, _ in reports] == pytest.approx([0, 1, 2, 3], abs=0.4)
    assert [share for _, share in reports] == pytest.approx([seconds / 3.5 for seconds, _ in reports])


def test_a_board_that_does_not_get_free_is_an_error_that_names_the_holder(quick: Task, lock: str) -> None:
    with Asked(request(endless(quick), lock=lock)) as holder:
        holder.until("timing")
        with Asked(request(quick, lock=lock, lock_wait_s=0.3)) as waiter:
            waiter.until("waiting")
            last = waiter.next()
    assert (last["event"], last["kind"]) == ("error", "device")
    assert f"the board was not free within 0.3 s; used by pid {holder.pid}, " in last["message"]


def test_the_board_is_free_when_its_holder_was_killed(quick: Task, lock: str) -> None:
    with Asked(request(endless(quick), lock=lock)) as holder:
        holder.until("timing")
        with Asked(request(quick, lock=lock)) as waiter:
            waiter.until("waiting")
            os.kill(holder.pid, signal.SIGKILL)
            assert waiter.until("result")[-1]["event"] == "result"


def test_another_lock_is_another_board(quick: Task, lock: str) -> None:
    with Asked(request(endless(quick), lock=lock)) as holder:
        holder.until("timing")
        with Asked(request(quick, lock=lock + "2")) as neighbour:
            assert "waiting" not in " ".join(whats(neighbour.until("result")))


def test_two_searches_on_this_machine_take_turns(quick: Task, lock: str) -> None:
    async def both() -> list[ProcessRun]:
        return await asyncio.gather(*(LocalDevice(lock=lock).run(quick) for _ in range(2)))

    first, second = sorted(asyncio.run(both()), key=lambda run: run.began_s or 0)
    assert first.began_s is not None
    assert second.began_s is not None
    assert second.began_s >= first.began_s + first.wall_s


def quiet(what: str, share: float) -> None:
    return None


def missing_folder(folder: Path) -> Path:
    return folder / "missing" / "board.lock"


def a_folder(folder: Path) -> Path:
    return folder


def a_link(folder: Path) -> Path:
    (folder / "link").symlink_to(folder / "nowhere")
    return folder / "link"


def a_pipe(folder: Path) -> Path:
    os.mkfifo(folder / "pipe")
    return folder / "pipe"


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        (missing_folder, "No such file or directory"),
        (a_folder, "Is a directory"),
        (a_link, "symbolic link"),
        (a_pipe, "is not a file"),
    ],
)
def test_a_lock_that_cannot_be_used_is_named_with_the_reason(tmp_path: Path, place: Any, reason: str) -> None:
    path = place(tmp_path)
    with pytest.raises(BoardNotFree, match=rf"{path}.*{reason}"):
        take_board(str(path), 0, quiet)


def test_an_unusable_lock_is_the_devices_fault(quick: Task, tmp_path: Path) -> None:
    with Asked(request(quick, lock=str(tmp_path / "missing/lock"))) as asked:
        answer = asked.next()
    assert (answer["event"], answer["kind"]) == ("error", "device")


@contextlib.contextmanager
def held(lock: str, words: str) -> Iterator[None]:
    """The board, locked by this process under words of somebody else."""
    Path(lock).write_text(words)
    with held_as_it_is(lock):
        yield


@contextlib.contextmanager
def held_as_it_is(lock: str) -> Iterator[None]:
    with Path(lock).open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.mark.parametrize(
    "words",
    ["", "pid 1, since 2026-01-01 10:00:00 UTC\n", "pid 4194305, lena, since yesterday", "pid \0, \x1b[31m[/red]"],
)
def test_whoever_holds_it_is_named_whatever_the_file_says(lock: str, words: str) -> None:
    with held(lock, words), pytest.raises(BoardNotFree, match=rf"used by pid {os.getpid()}, {ME}$"):
        take_board(lock, 0, quiet)


@pytest.fixture
def silent_kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kernel as macOS's, which does not tell who holds a lock."""
    monkeypatch.setenv("SEARCH_SYSROOT", str(tmp_path / "nothing"))


@pytest.mark.parametrize(
    "words",
    [
        "",
        "pid 4194305, since 2026-01-01 10:00:00 UTC\n",
        "pid 99999999999, since 2026-01-01 10:00:00 UTC\n",
        "pid 1, lena, since yesterday\n",
        "pid 1, since 2026-01-01 10:00:00 [/red]\n",
        "pid \0, \ff",
    ],
)
@pytest.mark.usefixtures("silent_kernel")
def test_nobody_is_accused_by_what_is_left_over_or_made_up(lock: str, words: str) -> None:
    """4194304 is the highest process number of Linux."""
    with held(lock, words), pytest.raises(BoardNotFree, match=r"used by somebody else$"):
        take_board(lock, 0, quiet)


@pytest.mark.usefixtures("silent_kernel")
def test_what_a_file_says_counts_only_where_its_owner_alone_can_write(lock: str) -> None:
    words = f"pid {os.getpid()}, since 2026-01-01 10:00:00 UTC\n"
    with held(lock, words):
        Path(lock).chmod(0o644)
        with pytest.raises(BoardNotFree, match=rf"used by pid {os.getpid()}, {ME}, since 2026-01-01 10:00"):
            take_board(lock, 0, quiet)
        Path(lock).chmod(0o666)
        with pytest.raises(BoardNotFree, match=r"used by somebody else$"):
            take_board(lock, 0, quiet)


def test_a_lock_of_a_gigabyte_is_read_no_further_than_needed(lock: str) -> None:
    with Path(lock).open("wb") as file:
        file.truncate(10**9)
    with held_as_it_is(lock):
        # The processor's time counts: reading a gigabyte takes it longer, and a busy machine may take any time.
        begun = time.process_time()
        with pytest.raises(BoardNotFree, match=rf"used by pid {os.getpid()}, "):
            take_board(lock, 0, quiet)
        assert time.process_time() - begun < 0.2
    take_board(lock, 0, quiet)
    assert Path(lock).stat().st_size < 100


def test_a_lock_is_everybodys_to_lock_and_its_makers_alone_to_write(lock: str) -> None:
    take_board(lock, 0, quiet)
    assert Path(lock).stat().st_mode & 0o777 == 0o644


def test_an_earlier_versions_lock_is_closed_to_other_writers(lock: str) -> None:
    Path(lock).touch()
    Path(lock).chmod(0o666)
    take_board(lock, 0, quiet)
    assert Path(lock).stat().st_mode & 0o777 == 0o644


def test_a_file_that_somebody_linked_to_the_lock_is_not_written_to(tmp_path: Path, lock: str) -> None:
    (tmp_path / "thesis").write_text("of three years")
    os.link(tmp_path / "thesis", lock)
    take_board(lock, 0, quiet)
    assert (tmp_path / "thesis").read_text() == "of three years"


# Another user's process: Python is loaded first, as that user may not be allowed to.
TAKE = """
import os, sys, time
from evaluators.device.program.lock import take_board
os.umask(0o077)
os.setgroups([])
os.setgid(int(sys.argv[2]))
os.setuid(int(sys.argv[2]))
def tell(what, share):
    print(what, flush=True)
take_board(sys.argv[1], 60, tell)
print("taken", flush=True)
time.sleep(60)
"""
NEEDS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")


@contextlib.contextmanager
def taken_by(user: int, lock: str) -> Iterator[subprocess.Popen[str]]:
    words = [sys.executable, "-c", TAKE, lock, str(user)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        try:
            yield process
        finally:
            process.kill()


def line_of(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture
def everybodys() -> Iterator[Path]:
    """A folder as /tmp is: pytest's own are of one user."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o1777)
        yield folder


@NEEDS_ROOT
def test_the_lock_holds_between_users(everybodys: Path) -> None:
    lock = str(everybodys / "board.lock")
    with taken_by(65533, lock) as holder:
        assert line_of(holder) == "taken"
        with taken_by(65532, lock) as waiter:
            assert line_of(waiter).startswith(f"waiting for the board, used by pid {holder.pid}, 65533, since ")
            holder.kill()
            while (line := line_of(waiter)).startswith("waiting"):
                pass
            assert line == "taken"
            assert Path(lock).stat().st_uid == 65533
            # The lock's words are the first one's, which the second could not change, and are believed no more.
            with taken_by(65531, lock) as third:
                assert line_of(third) == f"waiting for the board, used by pid {waiter.pid}, 65532"


@NEEDS_ROOT
def test_another_users_lock_may_be_read_only(everybodys: Path) -> None:
    lock = everybodys / "board.lock"
    lock.touch(mode=0o444)
    with taken_by(65533, str(lock)) as process:
        assert line_of(process) == "taken"
        with pytest.raises(BoardNotFree):
            take_board(str(lock), 0, quiet)


# --- the heartbeat ---------------------------------------------------------------------------------------------------


def test_it_ends_when_the_caller_is_silent_for_too_long(quick: Task) -> None:
    with Asked(request(endless(quick), heartbeat_s=0.5)) as asked:
        status, complaint = asked.ends(GONE_S)
    assert (status, complaint) == (0, b"nothing was heard from the caller for 0.5 s\n")


def test_it_lives_as_long_as_the_caller_does(quick: Task) -> None:
    with Asked(request(endless(quick), heartbeat_s=3.0)) as asked:
        for _ in range(9):
            asked.write(b"\n")
            time.sleep(0.4)
        assert asked.program.poll() is None


def test_it_ends_while_waiting_for_the_board(quick: Task, lock: str) -> None:
    with held(lock, ""), Asked(request(quick, lock=lock, heartbeat_s=3.0)) as asked:
        asked.until("waiting")
        assert asked.ends(GONE_S)[0] == 0


def test_it_ends_while_the_board_cools_down(quick: Task, tmp_path: Path) -> None:
    write_board(tmp_path)
    with Asked(request(quick, cool_below_c=50, heartbeat_s=6.0), SEARCH_SYSROOT=str(tmp_path)) as asked:
        asked.until("cooling")
        assert asked.ends(GONE_S)[0] == 0


# --- the heat --------------------------------------------------------------------------------------------------------


def test_a_hot_board_is_let_cool_down_before_the_model_is_loaded(quick: Task, tmp_path: Path) -> None:
    write_board(tmp_path)
    with Asked(request(quick, cool_below_c=55), SEARCH_SYSROOT=str(tmp_path)) as asked:
        steps = whats([*asked.until("cooling"), asked.next()])
        assert steps == ["importing", "cooling down, 61.2 °C", "cooling down, 61.2 °C"]
        write(tmp_path, TEMPERATURE, "54900")
        after = asked.until("result")
    assert "loading" in whats(after)
    assert after[-1]["warnings"] == []


def test_throttling_while_the_board_cools_down_is_no_dirt(quick: Task, tmp_path: Path) -> None:
    write_board(tmp_path)
    with Asked(request(quick, cool_below_c=55), SEARCH_SYSROOT=str(tmp_path)) as asked:
        asked.until("cooling")
        write(tmp_path, THROTTLED, "80000")
        write(tmp_path, TEMPERATURE, "54900")
        run = process_run(asked.until("result")[-1])
    assert run.before.throttled == 0x80000
    assert dirt(run, cores=4, threads=1) == []


def test_a_board_that_stays_hot_is_measured_with_a_warning(quick: Task, tmp_path: Path) -> None:
    write_board(tmp_path)
    with Asked(request(quick, cool_below_c=55, cool_limit_s=0.2), SEARCH_SYSROOT=str(tmp_path)) as asked:
        (warning, *_) = asked.until("result")[-1]["warnings"]
    assert re.fullmatch(r"began at 61.2 °C: in [0-9.]+ s it had not cooled down to 55 °C", warning)


def test_a_board_that_gets_no_cooler_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_board(tmp_path)
    monkeypatch.setenv("SEARCH_SYSROOT", str(tmp_path))
    monkeypatch.setattr(cooling, "COOLING_S", 0.1)
    begun = time.monotonic()
    (warning,) = cool_down(55, 60, lambda what, share: None)
    assert time.monotonic() - begun < GONE_S
    assert warning.startswith("began at 61.2 °C")


def test_a_board_without_a_thermometer_is_not_waited_for(quick: Task, tmp_path: Path) -> None:
    with Asked(request(quick, cool_below_c=-50), SEARCH_SYSROOT=str(tmp_path)) as asked:
        assert "cooling" not in " ".join(whats(asked.until("result")))


# --- while it is timed -----------------------------------------------------------------------------------------------


def test_the_board_is_looked_at_while_it_is_timed(quick: Task, tmp_path: Path) -> None:
    write_board(tmp_path, throttled=0x80000)
    with Asked(request(quick), SEARCH_SYSROOT=str(tmp_path)) as asked:
        during = process_run(asked.until("result")[-1]).during
    assert during is not None
    assert (during.temperature_c, during.clock_hz, during.load) == (pytest.approx(61.2), 1.2e9, 0.5)
    assert during.throttled == 0x80000


def measured(monkeypatch: pytest.MonkeyPatch, task: Task, *changes: Callable[[], None]) -> ProcessRun:
    """The run that the program takes in this process: each time it tells that it is timing, the next change happens
    meanwhile."""
    pending = list(changes)

    def tell(what: str, share: float) -> None:
        if what == "timing" and share > 0 and pending:
            pending.pop(0)()

    monkeypatch.setattr(timing, "Watch", functools.partial(Watch, every_ns=0))
    # The runtimes' parts lie beside the program's modules in the file that is sent alone.
    folder = f"{program_file()}/evaluators/device/program"
    monkeypatch.setattr(program, "__path__", [*program.__path__, folder])
    answer = measure(checked_request(request(task)), tell)
    assert not pending
    return process_run(json.loads(json.dumps(answer)))


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The root of a board of which the program in this process is told."""
    write_board(tmp_path)
    monkeypatch.setenv("SEARCH_SYSROOT", str(tmp_path))
    return tmp_path


def test_throttling_that_comes_and_goes_while_confirming_is_dirt(
    quick: Task, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def throttled(bits: str) -> Callable[[], None]:
        return lambda: write(root, THROTTLED, bits)

    run = measured(monkeypatch, replace(quick, passes=8), throttled("4"), throttled("0"))
    assert (run.before.throttled, run.after.throttled) == (0, 0)
    assert dirt(run, cores=4, threads=1) == ["throttled at 61 °C"]


def test_throttling_that_was_there_before_and_comes_again_is_dirt(
    quick: Task, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(root, THROTTLED, "10000")
    run = measured(monkeypatch, quick, lambda: write(root, THROTTLED, "50000"))
    assert (run.before.throttled, run.after.throttled) == (0x10000, 0x50000)
    assert dirt(run, cores=4, threads=1) == ["throttled in between at 61 °C"]


def test_the_work_of_others_is_what_the_cores_did_without_us(
    quick: Task, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """100 s of one core, of which 7 s were taken by a hypervisor."""
    tick = os.sysconf("SC_CLK_TCK")
    used = f"cpu{usable_cores()[0]} {90 * tick} 0 {10 * tick} 0 0 0 0 {7 * tick} 0 0"
    run = measured(monkeypatch, quick, lambda: write(root, "proc/stat", used))
    assert run.after.others_cores == pytest.approx((100 - run.cpu_s) / run.wall_s)
    assert run.after.stolen_cores == pytest.approx(7 / run.wall_s)


def test_no_process_is_started_while_timing(quick: Task, tmp_path: Path) -> None:
    """The tool is asked three times, at the start, before and after, however long the timing takes in between."""
    calls = tmp_path / "calls"
    write_tool(tmp_path, "usr/bin/vcgencmd", f"echo >> {calls}; echo throttled=0x50000")
    task = replace(quick, precision=1e-6, limit_s=1.5)
    with Asked(request(task), SEARCH_SYSROOT=str(tmp_path), PATH="/usr/bin") as asked:
        run = process_run(asked.until("result")[-1])
    assert len(calls.read_text().splitlines()) == 3
    assert (run.before.throttled, run.after.throttled) == (0x50000, 0x50000)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_process_is_named_with_its_number_and_user() -> None:
    """The process is looked at by itself: others on this machine may be busier."""
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as busy:
        try:
            before, spent_s = processes(), 0.0
            while spent_s < 0.3:
                time.sleep(0.05)
                mine = {process: seen for process, seen in processes().items() if process[0] == busy.pid}
                spent_s = sum(used_s - before.get(process, (0.0, ""))[0] for process, (used_s, _) in mine.items())
            # The process is taken as if it had had a core for itself.
            name = busiest_neighbour(before, mine, spent_s)
        finally:
            busy.kill()
    assert name is not None
    assert re.fullmatch(rf"python\S* \(pid {busy.pid}, {ME}\)", name)


def test_a_neighbour_of_a_made_up_board_is_named(quick: Task, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_process(root, 4321, "a) b (c", ticks=0)
    write_process(root, 4322, "idle", ticks=1000000)
    run = measured(monkeypatch, quick, lambda: write_process(root, 4321, "a) b (c", ticks=200000))
    assert run.after.neighbour == f"a) b (c (pid 4321, {ME})"


def test_a_hopeless_model_is_stopped_early(quick: Task) -> None:
    task = replace(quick, precision=1e-6, limit_s=60, hopeless_above_s=1e-9)
    with Asked(request(task)) as asked:
        run = process_run(asked.until("result")[-1])
    assert 0.3 < run.wall_s < 20
