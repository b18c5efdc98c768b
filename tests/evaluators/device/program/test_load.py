"""A load for a power meter: real programs, real models, short windows; and what a board must not say."""

import asyncio
import json
import os
import sys
import time
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from evaluators.device.device import PROTOCOL_VERSION, BoardState, Device, Guard, LoadRun, LoadTask, Ping
from evaluators.device.devices.replay import RecordedRun, ReplayDevice, write_recording
from evaluators.device.on_board import answers
from evaluators.device.on_board.answers import Pinger, answer
from evaluators.device.on_board.fields import GarbledError
from evaluators.device.on_board.packing import load_message, recorded_load
from evaluators.device.on_board.requests import load_request
from evaluators.device.on_board.results import load_run
from evaluators.device.program.answers import RequestRefused
from evaluators.device.program.load import fill
from evaluators.device.program.requests import checked_request
from evaluators.device.program.runner import Runner
from evaluators.device.program.surroundings import Watch
from evaluators.errors import DeviceError
from evaluators.runtimes.settings import RuntimeSettings
from space.errors import CandidateError, RequestError
from tests.evaluators.device.asked import Asked, whats
from tests.evaluators.device.boards import TEMPERATURE, THROTTLED, write, write_board
from tests.evaluators.device.models import write_classifier, write_failing, write_images
from tests.evaluators.device.processes import GONE_S, children_of, ends_within
from tests.evaluators.device.runs import INFO, process_run


@pytest.fixture(scope="session")
def task(tmp_path_factory: pytest.TempPathFactory) -> LoadTask:
    folder = tmp_path_factory.mktemp("load")
    return LoadTask(
        model=write_classifier(folder / "classifier.onnx"),
        images=write_images(folder / "images.npy", 16),
        runtime=RuntimeSettings(),
        idle_s=0.2,
        active_s=0.3,
    )


def loaded(device: Device, task: LoadTask) -> LoadRun:
    async def once() -> LoadRun:
        async with device as opened:
            return await opened.load(task)

    return asyncio.run(once())


# --- what a device owes its caller -----------------------------------------------------------------------------------


def test_the_windows_come_one_after_the_other_as_long_as_asked(device: Device, task: LoadTask) -> None:
    run = loaded(device, task)
    windows = (run.idle_before, run.active, run.idle_after)
    assert all(earlier.end_s < later.begin_s for earlier, later in pairwise(windows))
    for window, asked_s in zip(windows, (task.idle_s, task.active_s, task.idle_s), strict=True):
        # A busy machine wakes it late.
        assert asked_s <= window.length_s < asked_s + GONE_S


def test_the_active_window_is_full_of_inferences(device: Device, task: LoadTask) -> None:
    run = loaded(device, task)
    assert run.inferences > 0
    # One thread worked; what others left of the processor is no matter here.
    assert 0 < run.cpu_s < 1.5 * run.wall_s


def test_pings_are_answered_on_both_sides_of_the_active_window_and_never_in_it(device: Device, task: LoadTask) -> None:
    run = loaded(device, task)
    before = [ping for ping in run.pings if ping.board_s < run.active.begin_s]
    after = [ping for ping in run.pings if ping.board_s > run.active.end_s]
    assert len(before) >= 5
    assert len(after) >= 5
    assert len(before) + len(after) == len(run.pings)


def test_the_board_looks_at_its_clock_within_the_round_trip(device: Device, task: LoadTask) -> None:
    # Here the board's clock is ours. How long a trip takes is in tests/benchmarks/real_time.py.
    assert all(ping.sent_s <= ping.board_s <= ping.received_s for ping in loaded(device, task).pings)


def test_a_model_that_does_not_run_is_the_candidates_fault(device: Device, task: LoadTask, tmp_path: Path) -> None:
    with pytest.raises(CandidateError, match=r"failing\.onnx"):
        loaded(device, replace(task, model=write_failing(tmp_path / "failing.onnx")))


def test_a_cancelled_load_leaves_nothing_running(device: Device, task: LoadTask) -> None:
    async def cancelled() -> list[int]:
        async with device as opened:
            working = asyncio.Event()

            def watch(what: str, share: float) -> None:
                if what == "working":
                    working.set()

            running = asyncio.create_task(opened.load(replace(task, active_s=600), watch))
            await working.wait()
            programs = [pid for pid in everybody() if "/program/" in words(pid)]
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
            return programs

    if sys.platform != "linux":
        pytest.skip("reads /proc")
    mine = asyncio.run(cancelled())
    assert mine
    assert all(ends_within(pid, GONE_S) for pid in mine)


def everybody() -> list[int]:
    """Whom we started, and whom they started; a process of the board's server is one of these too."""
    pids, todo = [], [os.getpid()]
    while todo:
        children = children_of(todo.pop())
        pids += children
        todo += children
    return pids


def words(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def test_after_a_load_it_runs_the_next(device: Device, task: LoadTask) -> None:
    async def twice() -> int:
        async with device as opened:
            return (await opened.load(task)).inferences + (await opened.load(task)).inferences

    assert asyncio.run(twice()) > 0


def test_a_recording_loads_nothing(tmp_path: Path, task: LoadTask) -> None:
    write_recording(tmp_path / "bench.jsonl", INFO, [RecordedRun("5a5a5a", process_run())])
    with pytest.raises(RequestError, match="name the board"):
        loaded(ReplayDevice(tmp_path / "bench.jsonl"), task)


# --- the program -----------------------------------------------------------------------------------------------------


def asked(task: LoadTask, root: str = "", **guard: Any) -> Asked:
    guards = Guard(**{"lock": "", **guard})
    return Asked(load_request(task, model=str(task.model), images=str(task.images), guard=guards), SEARCH_SYSROOT=root)


def pong(program: Asked, number: int) -> dict[str, Any]:
    program.write(b'{"ping":%d}\n' % number)
    while (message := program.next())["event"] == "progress":
        pass
    return message


def test_while_idle_a_ping_is_answered_with_the_boards_time(task: LoadTask) -> None:
    with asked(replace(task, idle_s=5)) as program:
        program.until("idle")
        begin = time.monotonic()
        answer = pong(program, 7)
        assert (answer["event"], answer["n"]) == ("pong", 7)
        # Here the board's clock is ours.
        assert begin <= answer["board_s"] <= time.monotonic()


def test_while_working_nothing_is_answered(task: LoadTask) -> None:
    with asked(task) as program:
        program.until("working")
        program.write(b'{"ping":1}\n\n{"ping":2}\n')
        messages = program.until("result")
    assert whats(messages) == ["settling", "idle"]


def test_heartbeats_and_nonsense_are_no_pings(task: LoadTask) -> None:
    with asked(replace(task, idle_s=5)) as program:
        program.until("idle")
        program.write(b'\n[]\n{"ping":"x"}\nhello\n\xff\n{"pi')
        program.write(b'ng":3}\n')
        assert program.next()["n"] == 3


def test_what_it_is_doing_is_told_in_order(task: LoadTask) -> None:
    with asked(task) as program:
        steps = whats(program.until("result"))
    assert steps[-6:] == ["warming up", "settling", "idle", "working", "settling", "idle"]


def test_it_ends_in_the_middle_of_work_when_nobody_listens(task: LoadTask) -> None:
    with asked(replace(task, active_s=600)) as program:
        program.until("working")
        assert program.program.stdin is not None
        program.program.stdin.close()
        assert program.program.wait(GONE_S) == 0


def test_a_load_has_the_board_for_itself(task: LoadTask, tmp_path: Path) -> None:
    lock = str(tmp_path / "board.lock")
    with asked(replace(task, active_s=600), lock=lock) as holder:
        holder.until("working")
        with asked(task, lock=lock) as waiter:
            assert f"used by pid {holder.pid}" in waiter.next()["what"]


def test_a_load_ends_when_the_heartbeats_do(task: LoadTask) -> None:
    with asked(replace(task, active_s=600), heartbeat_s=4.0) as program:
        while program.next()["what"] != "working":
            program.write(b"\n")
        status, complaint = program.ends(GONE_S)
    assert (status, complaint) == (0, b"nothing was heard from the caller for 4.0 s\n")


def test_a_load_waits_for_a_cool_board(task: LoadTask, tmp_path: Path) -> None:
    write_board(tmp_path)
    with asked(task, root=str(tmp_path), cool_below_c=55.0) as program:
        assert program.until("cooling")[-1]["what"] == "cooling down, 61.2 °C"
        write(tmp_path, TEMPERATURE, "54000")
        assert program.until("result")[-1]["before"]["temperature_c"] == 54.0


def test_what_the_board_suffers_at_work_is_seen(task: LoadTask, tmp_path: Path) -> None:
    write_board(tmp_path)
    with asked(replace(task, active_s=1.0), root=str(tmp_path)) as program:
        program.until("working")
        write(tmp_path, THROTTLED, "4")
        after = program.until("result")[-1]["after"]
    assert after["throttled"] == 4


def test_the_runs_between_two_looks_at_the_clock_are_all_counted() -> None:
    calls: list[int] = []

    runner = Runner("a runtime", lambda outputs, image: calls.append(image))
    watch = Watch(lambda what, share: None)
    window, count = fill(runner, [0, 1, 2], 0.01, 4, watch)
    assert len(calls) == count
    assert count % 4 == 0
    assert calls[:5] == [0, 1, 2, 0, 1]
    assert window["end_s"] - window["begin_s"] >= 0.01


@pytest.mark.parametrize("name", ["idle_s", "active_s"])
@pytest.mark.parametrize("value", [None, 0, -1, 1e9, True, "1"])
def test_a_window_has_to_have_a_length(task: LoadTask, name: str, value: object) -> None:
    request = json.loads(load_request(task, model="m", images="i"))
    with pytest.raises(RequestRefused, match=name):
        checked_request(json.dumps({**request, name: value}).encode())


# --- the conversation ------------------------------------------------------------------------------------------------


class Script:
    """Says what it is told to, and takes down what is written."""

    def __init__(self, *messages: dict[str, object]) -> None:
        self._left = [json.dumps(message).encode() + b"\n" for message in messages]
        self.written: list[dict[str, Any]] = []

    async def readline(self) -> bytes:
        return self._left.pop(0) if self._left else b""

    async def write(self, content: bytes) -> None:
        self.written.append(json.loads(content))


SETTLING = {"event": "progress", "what": "settling", "share": 0}


def pong_of(number: int) -> dict[str, object]:
    return {"event": "pong", "n": number, "board_s": float(number)}


def conversation(*messages: dict[str, object]) -> tuple[list[Ping], Script]:
    board, pings = Script(*messages), list[Ping]()
    pinger = Pinger(board.write, pings)
    asyncio.run(answer(board, device="board", model="m", progress=None, limit_s=5, pinger=pinger))
    return pings, board


@pytest.fixture
def no_gap(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "PING_GAP_S", 0.0)


@pytest.mark.usefixtures("no_gap")
def test_so_many_pings_are_sent_each_time_the_board_settles() -> None:
    numbers = range(1, answers.PINGS + 1)
    pings, board = conversation(SETTLING, *map(pong_of, numbers))
    assert [ping.board_s for ping in pings] == [float(number) for number in numbers]
    assert [line["ping"] for line in board.written] == list(numbers)


def test_a_ping_without_an_answer_is_forgotten_when_the_board_settles_again() -> None:
    pings, _ = conversation(SETTLING, SETTLING, pong_of(1), pong_of(2))
    assert [ping.board_s for ping in pings] == [2.0]


def test_an_answer_to_what_was_not_asked_is_garbage() -> None:
    with pytest.raises(DeviceError, match="no proper answer: n is '2'"):
        conversation(SETTLING, pong_of(2))


# --- strictly parsed -------------------------------------------------------------------------------------------------


WINDOWS = {
    "idle_before": {"begin_s": 10.0, "end_s": 11.0},
    "active": {"begin_s": 11.5, "end_s": 13.5},
    "idle_after": {"begin_s": 14.0, "end_s": 15.0},
}
MESSAGE: dict[str, object] = {
    "event": "result",
    "protocol": PROTOCOL_VERSION,
    **WINDOWS,
    "inferences": 1000,
    "cpu_s": 1.9,
    "before": {"temperature_c": 50.0},
    "after": {},
    "during": None,
    "warnings": ["began at 70.0 °C"],
}
PINGS = (Ping(100.0, 10.0, 100.1), Ping(104.0, 14.0, 104.1))


def test_a_whole_answer_is_a_load() -> None:
    run = load_run(MESSAGE, PINGS)
    assert (run.active.begin_s, run.active.length_s, run.inferences, run.pings) == (11.5, 2.0, 1000, PINGS)
    assert run.before == BoardState(temperature_c=50.0)


def test_a_load_written_down_is_read_as_it_was() -> None:
    run = load_run(MESSAGE, PINGS)
    assert recorded_load(json.loads(json.dumps(load_message(run)))) == run


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"inferences": 0}, "inferences"),
        ({"inferences": 1.5}, "inferences"),
        ({"cpu_s": None}, "cpu_s"),
        ({"active": [11.5, 13.5]}, "not a JSON object"),
        ({"active": {"begin_s": 11.5}}, "end_s"),
        ({"active": {"begin_s": 11.5, "end_s": 11.5}}, "windows"),
        ({"active": {"begin_s": 9.0, "end_s": 13.5}}, "windows"),
        ({"active": {"begin_s": 11.5, "end_s": 14.1}}, "windows"),
        ({"idle_after": {"begin_s": 14.0, "end_s": float("nan")}}, "end_s"),
        ({"protocol": PROTOCOL_VERSION + 1}, "protocol"),
    ],
)
def test_an_answer_that_does_not_hold_together_is_refused(changes: dict[str, object], named: str) -> None:
    with pytest.raises(GarbledError, match=named):
        load_run({**MESSAGE, **changes}, PINGS)
