"""A search whose meter is lost in the middle of a trial: one over a real socket, with windows of a second."""

import asyncio
import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from evaluators.examiner import Examiner
from evaluators.power.lines import LineMeter
from evaluators.power.smartpower2 import smartpower2
from search.commands.exit_status import OK, RIG
from search.store.store import Store
from search.store.trials import COMPLETE
from tests.evaluators.power.simulated import END, LIMITS, Script, SmartPower2, slim_forever
from tests.search.user import User
from tests.search.whole import SEARCH, calm, copy

pytestmark = pytest.mark.whole

# The period is so long that a busy machine's delays are short beside it.
PERIOD_S = 0.1
# Nine readings, of which three are needed.
IDLE_S = 0.9


def speaks() -> Script:
    return slim_forever(PERIOD_S)


def breaks_off() -> Script:
    """In the middle of a load: it idles, then works for twice as long."""
    for number, step in enumerate(speaks()):
        # Each line is followed by its pause.
        if number > 2 * 2 * IDLE_S / PERIOD_S:
            break
        yield step
    yield END


def is_gone() -> Script:
    yield END


@contextmanager
def meter(*scripts: Callable[[], Script]) -> Iterator[int]:
    """Yields the meter's port. Of its connections the first is to hear it, the second the reference's load."""
    ready, over, ports = threading.Event(), threading.Event(), list[int]()

    async def serve() -> None:
        smart_power = SmartPower2(*scripts)
        async with await asyncio.start_server(smart_power.serve, "127.0.0.1", 0) as server:
            ports.append(server.sockets[0].getsockname()[1])
            ready.set()
            await asyncio.to_thread(over.wait)
            smart_power.over.set()
            await asyncio.sleep(0.02)

    serving = threading.Thread(target=asyncio.run, args=(serve(),))
    serving.start()
    ready.wait()
    try:
        yield ports[0]
    finally:
        over.set()
        serving.join()


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Short windows and patience; a board whose /proc tells of nobody else; the port is no part of the bench."""

    def opened(url: str, board: object = None) -> LineMeter:
        return smartpower2(url.partition(":")[2], None, LIMITS)

    monkeypatch.setenv("SEARCH_SYSROOT", calm())
    monkeypatch.setattr("evaluators.metered.window_s", lambda meter, precision: 2 * IDLE_S)
    monkeypatch.setattr("evaluators.metered.idle_s", lambda meter, precision: IDLE_S)
    monkeypatch.setattr("search.measuring.rig.open_meter", opened)
    monkeypatch.setattr("search.measuring.rig.Examiner", functools.partial(Examiner, pauses=(0.1, 0.1)))


def searched(user: User, folder: Path, port: int, trials: int = 1) -> tuple[int, str, str]:
    url = f"smartpower2://127.0.0.1:{port}"
    return user.types(*SEARCH, "--objective", "latency", "--store", folder, "--trials", trials, "--meter", url)


def complete(folder: Path) -> list[str]:
    store = Store.existing(folder)
    return [record.state for goal in store.studies() for record in store.trials(goal.id) if record.state == COMPLETE]


def test_a_meter_that_is_gone_ends_the_run_in_one_line_and_one_that_comes_back_costs_a_load(
    user: User, started: Path, tmp_path: Path
) -> None:
    folder = copy(started, tmp_path / "store")
    before = len(complete(folder))
    with meter(speaks, speaks, breaks_off, is_gone) as port:
        status, out, err = searched(user, folder, port)
    assert status == RIG, out
    assert "Traceback" not in err
    # What is wrong, and what to type next.
    assert [line for line in err.splitlines() if "SmartPower2" in line] == [err.splitlines()[-2]]
    assert len(complete(folder)) == before
    # Resumed; again it breaks off, and is there when it is asked again.
    with meter(speaks, speaks, breaks_off, speaks) as port:
        status, _, err = searched(user, folder, port)
    assert status == OK, err
    assert len(complete(folder)) == before + 1
