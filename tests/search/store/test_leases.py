"""Two stores with one database: one writes at a time, by name; kill -9 at every seam frees it."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import optuna
import pytest
from optuna.trial import TrialState

from search.choosing.optuna_storage import open_storage
from search.commands.exit_status import OK, REQUEST
from search.store import leases
from search.store.process import has_ended, start_of
from search.store.store import Store
from search.store.trials import INTERRUPTED, RUNNING
from search.store.writing import at_work, writing
from space.errors import RequestError
from tests.search.choosing.test_study import opened
from tests.search.made_up import GOAL, statements, store_with
from tests.search.user import User
from tests.search.whole import ROOT, SEARCH, optunas

# A writer that says when it has begun, and then writes once for each line that it reads.
WRITER = """
import sys
from pathlib import Path
from search.store import leases
from search.store.writing import writing
leases.HEARTBEAT_S = float(sys.argv[3])
with writing(Path(sys.argv[1]), sys.argv[2]) as store:
    print("held", flush=True)
    for line in sys.stdin:
        exec(line)
        print("done", flush=True)
"""


class Other:
    """A writer in a process of its own."""

    def __init__(self, folder: Path, url: str, heartbeat_s: float = 60) -> None:
        words = [sys.executable, "-c", WRITER, str(folder), url, str(heartbeat_s)]
        self.process = subprocess.Popen(
            words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        self.pid = self.process.pid
        assert self.read() == "held"

    def read(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def does(self, statement: str) -> str:
        assert self.process.stdin is not None
        self.process.stdin.write(f"{statement}\n")
        self.process.stdin.flush()
        return self.read()

    def errors(self) -> str:
        return self.process.communicate()[1]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


@pytest.fixture
def url(tmp_path: Path) -> str:
    return store_with(tmp_path / "first", []).url


@contextmanager
def other(tmp_path: Path, url: str, heartbeat_s: float = 60) -> Iterator[Other]:
    writer = Other(tmp_path / "first", url, heartbeat_s)
    try:
        yield writer
    finally:
        writer.process.kill()
        writer.process.communicate()


def second(tmp_path: Path, url: str):
    return writing(tmp_path / "second", url)


def elsewhere(store: Store, **values: object) -> None:
    """Has it look as if the writer were on a machine of which this one knows nothing."""
    changes = {"machine": "elsewhere", **values}
    with statements(store) as execute:
        execute(f"UPDATE search_writers SET {', '.join(f'{name} = :{name}' for name in changes)}", changes)  # noqa: S608


def test_a_second_folder_on_one_database_is_refused_and_told_who_the_first_is(tmp_path, url, user: User):
    with other(tmp_path, url) as first:
        status, out, err = user.types(*SEARCH, "--store", tmp_path / "second", "--storage", url)
        assert (status, out) == (REQUEST, "")
        assert f"{tmp_path}/first/search.db is in use by pid {first.pid} on {socket.gethostname()} since 20" in err
        assert "wait for it, stop it, or name another --storage" in err
        assert first.does("store.remember('a', '1')") == "done"
        status_json = user.types("status", "--json", "--store", tmp_path / "second", "--storage", url)[1]
        assert f"pid {first.pid} on " in json.loads(status_json)["at_work"]
    assert user.types("status", "--store", tmp_path / "second", "--storage", url)[0] == OK


@pytest.mark.parametrize("waited", [True, False])
def test_it_goes_on_at_once_when_the_first_was_killed(tmp_path, url, waited):
    with other(tmp_path, url) as first:
        if waited:
            first.kill()
        else:
            # The parent of its process has not asked yet what became of it.
            first.process.send_signal(signal.SIGKILL)
            os.waitid(os.P_PID, first.pid, os.WEXITED | os.WNOWAIT)
        begun = time.monotonic()
        with second(tmp_path, url) as store:
            assert f"pid {os.getpid()} on " in str(at_work(Store.existing(tmp_path / "first", url)))
            store.remember("a", "2")
        assert time.monotonic() - begun < leases.EXPIRES_S / 2
    assert at_work(store) is None


def test_a_process_is_told_apart_from_a_later_one_with_its_number():
    assert not has_ended(os.getpid(), str(start_of(os.getpid())))
    assert has_ended(os.getpid(), "long ago")
    ended_process = subprocess.Popen(["true"])
    ended_process.wait()
    assert has_ended(ended_process.pid, "0")


def test_a_later_process_with_the_number_of_the_first_is_not_waited_for(tmp_path, url):
    with other(tmp_path, url) as first:
        with statements(Store.existing(tmp_path / "first")) as execute:
            execute("UPDATE search_writers SET started = 'long ago'", {})
        with second(tmp_path, url):
            assert "stood still" not in first.does("pass")


def test_a_writer_on_another_machine_is_waited_for_until_its_lease_ends(tmp_path, url):
    store = Store.existing(tmp_path / "first")
    with other(tmp_path, url) as first:
        elsewhere(store, host="board")
        first.kill()
        with pytest.raises(RequestError, match=f"in use by pid {first.pid} on board since"), second(tmp_path, url):
            pass
        elsewhere(store, expires_at=0)
        assert at_work(store) is None
        with second(tmp_path, url):
            pass


def test_who_lost_its_lease_writes_no_more(tmp_path, url):
    with other(tmp_path, url) as first:
        # This is as after a laptop's lid was closed.
        elsewhere(Store.existing(tmp_path / "first"), expires_at=0)
        with second(tmp_path, url) as store:
            assert first.does("store.remember('a', 'first')") == ""
            assert "stood still for over 60 s, and another one writes now" in first.errors()
            assert store.fact("a") is None


def test_who_lost_its_lease_ends_no_trial_of_the_second_in_optuna_either(tmp_path, url):
    """The second has asked for a trial, and has not yet written down whose it is."""
    with other(tmp_path, url) as first:
        first.does("from search.choosing.optuna_storage import open_storage; storage = open_storage(store)")
        first.does(f"import optuna; study = optuna.create_study(storage=storage, study_name={GOAL.id!r})")
        first.does("study.ask()")
        elsewhere(Store.existing(tmp_path / "first"), expires_at=0)
        with second(tmp_path, url) as store:
            asked = optuna.load_study(study_name=GOAL.id, storage=open_storage(store)).ask()
            assert first.does(f"study.tell({asked.number}, state=optuna.trial.TrialState.FAIL)") == ""
            assert "stood still for over 60 s, and another one writes now" in first.errors()
            assert optunas(store, GOAL.id)[asked.number].state == TrialState.RUNNING


def test_a_heartbeat_keeps_the_lease(tmp_path, url):
    store = Store.existing(tmp_path / "first")
    with other(tmp_path, url, heartbeat_s=0.1):
        elsewhere(store, expires_at=0)
        deadline = time.monotonic() + 30
        while not store.writers() and time.monotonic() < deadline:
            time.sleep(0.05)
        with pytest.raises(RequestError, match="in use by"), second(tmp_path, url):
            pass


def test_a_resume_leaves_the_trials_of_a_living_writer_alone(tmp_path, url):
    store = Store.existing(tmp_path / "first")
    with other(tmp_path, url):
        theirs = opened(store).ask()
        with statements(store) as execute:
            execute("UPDATE search_trials SET owner = :owner", {"owner": store.writers()[0].owner})
        study = opened(store)
        mine = study.ask()
        study.give_up_all()
        assert [trial.state for trial in store.trials(GOAL.id)] == [RUNNING, INTERRUPTED]
        states = [trial.state for trial in optunas(store, GOAL.id)]
        assert states[theirs.number] == TrialState.RUNNING
        assert states[mine.number] == TrialState.FAIL
    opened(store)
    assert store.trials(GOAL.id)[theirs.number].state == INTERRUPTED


def test_a_study_is_one_writers_whatever_the_database(tmp_path, url):
    """This holds as on a server, where several write to one database."""
    store = Store.existing(tmp_path / "first")
    with other(tmp_path, url) as first:
        first.does(f"store.take_study({GOAL.id!r})")
        with statements(store) as execute:
            execute("DELETE FROM search_leases WHERE name = 'database'", {})
        with second(tmp_path, url) as both:
            with pytest.raises(RequestError, match=f"study {GOAL.id} is in use by pid {first.pid}"):
                both.use_study(GOAL)
            both.take_study("another")


KILLED = """
import os, signal, sys
from pathlib import Path
from search.store import leases
from search.store.writing import writing

def kill(*words, **named):
    os.kill(os.getpid(), signal.SIGKILL)

name, when = sys.argv[3:]
owner = leases if name == "_remove" else leases.Leases
whole = getattr(owner, name)
setattr(owner, name, kill if when == "before" else lambda *words, **named: (whole(*words, **named), kill()))
with writing(Path(sys.argv[1]), sys.argv[2]) as store:
    store.take_study("study")
    if name == "_beat":
        import time
        time.sleep(60)
"""


SEAMS = [(name, when) for name in ("_enter", "_take", "_take_study", "_remove") for when in ("before", "after")]


@pytest.mark.parametrize(("name", "when"), [*SEAMS, ("_beat", "before")])
def test_a_kill_at_every_seam_of_a_lease_keeps_nobody_away(tmp_path, url, name, when):
    words = [sys.executable, "-c", KILLED, str(tmp_path / "first"), url, name, when]
    completed = subprocess.run(words, cwd=ROOT, capture_output=True)
    assert completed.returncode == -signal.SIGKILL, completed.stderr
    with second(tmp_path, url) as store:
        store.take_study("study")
        with statements(store) as execute:
            assert [row[0] for row in execute("SELECT pid FROM search_writers", {})] == [os.getpid()]
            names = [row[0] for row in execute("SELECT name FROM search_leases ORDER BY name", {})]
            assert names == ["database", "study"]
    with statements(store) as execute:
        assert list(execute("SELECT owner FROM search_writers UNION SELECT owner FROM search_leases", {})) == []


def test_no_password_is_kept_of_who_writes(tmp_path, url, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["search", "--storage", "postgresql://lena:secret@host/studies"])
    with second(tmp_path, url) as store:
        assert "lena:***@host" in str(store.writers()[0])
        assert "secret" not in (tmp_path / "second" / "lock").read_text()
