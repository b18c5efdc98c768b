"""Several controllers on one study of a real PostgreSQL: none asks for what another one asked for, and nothing that was
finished is lost when one is killed, or the server stops for a while."""

import json
import os
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from search.choosing.trial_notes import GATED_BY, RECIPE
from search.commands.exit_status import OK, REQUEST
from search.store.store import Store
from search.store.trials import COMPLETE, FAILED, GATED, INTERRUPTED, RUNNING
from search.store.writing import writing
from space.files import sha256
from tests.search.made_up import GOAL, distinct, evaluation, keep, recipe, statements
from tests.search.running.controller import READY, with_baseline
from tests.search.store.postgres import Server, server
from tests.search.user import User
from tests.search.whole import ROOT, optunas

pytestmark = pytest.mark.whole

HANG_S = 300
# The trials of the one that goes on: more than it ends before the other is killed, on a busy machine too.
TRIALS = 40
# What a controller says once it has noticed that the server is away.
AWAY = "does not answer: it is waited for, up to 10 min"


class Controller:
    def __init__(self, folder: Path, url: str, trials: int, seconds: float) -> None:
        words = [sys.executable, "-W", "ignore", "-m", "tests.search.running.controller", folder, url, trials, seconds]
        self._said, self._errors = folder.with_suffix(".out"), folder.with_suffix(".err")
        with self._said.open("w") as out, self._errors.open("w") as errors:
            self.process = subprocess.Popen(
                list(map(str, words)), cwd=ROOT, stdin=subprocess.PIPE, stdout=out, stderr=errors
            )

    @property
    def said(self) -> str:
        return self._said.read_text() + self._errors.read_text()

    def is_loaded(self) -> bool:
        assert self.process.poll() is None, self.said
        return READY in self.said.splitlines()

    def begin(self) -> None:
        until(self.is_loaded)
        assert self.process.stdin is not None
        self.process.stdin.close()

    def kill(self) -> None:
        self.process.kill()
        assert self.process.stdin is not None
        self.process.stdin.close()
        self.process.wait()

    def ends(self) -> None:
        assert self.process.wait(HANG_S) == 0, self.said


def begin_together(*controllers: Controller) -> None:
    """No controller is loaded while another is at work."""
    until(lambda: all(controller.is_loaded() for controller in controllers))
    for controller in controllers:
        controller.begin()


@pytest.fixture
def database() -> Iterator[Server]:
    with server() as started:
        yield started


def until(reached: Callable[[], bool]) -> None:
    end = time.monotonic() + HANG_S
    while not reached():
        assert time.monotonic() < end, "it never came"
        time.sleep(0.05)


def finished(store: Store) -> int:
    return sum(record.state in (COMPLETE, GATED, FAILED) for record in store.trials(GOAL.id))


def at_work(store: Store) -> set[str]:
    """Who has something on its way."""
    return {claim.owner for claim in store.claims(GOAL)}


def begun(folder: Path, url: str) -> Store:
    store = Store.create(folder, url)
    with_baseline(store)
    store.use_study(GOAL)
    return store


def check(store: Store) -> None:
    """What must hold of a study once nobody is at work on it any more."""
    records, trials = store.trials(GOAL.id), optunas(store, GOAL.id)
    asked = {record.number: record for record in records}
    assert [trial.number for trial in trials] == list(range(len(trials)))
    assert RUNNING not in {record.state for record in records}
    for trial in trials:
        assert trial.state.is_finished()
        name = trial.state.name.lower()
        if trial.number in asked:
            same = {"complete": {COMPLETE, GATED}, "fail": {FAILED, INTERRUPTED}}[name]
            assert asked[trial.number].state in same
    # Each recipe has one trial that came to an end; whoever was interrupted may have been asked for again after that.
    ended = Counter(record.recipe_id for record in records if record.state != INTERRUPTED)
    assert set(ended.values()) <= {1}, ended.most_common(3)
    complete = [trial for trial in trials if trial.state.name == "COMPLETE"]
    # A controller that was killed may have left the trained network of a gated recipe: that is taken in as well.
    once = Counter((trial.user_attrs[RECIPE], GATED_BY in trial.user_attrs) for trial in complete)
    assert set(once.values()) <= {1}, once.most_common(3)
    told_ids = {trial.user_attrs[RECIPE] for trial in complete}
    # All that was evaluated was told, but the unpruned network, which no trial asked for.
    gated = {trial.user_attrs[RECIPE] for trial in trials if GATED_BY in trial.user_attrs}
    evaluated = set(store.evaluations(GOAL.baseline_id, GOAL.bench_id))
    assert told_ids - gated <= evaluated
    not_gated = {trial.user_attrs[RECIPE] for trial in complete if GATED_BY not in trial.user_attrs}
    assert len(evaluated - not_gated) <= 1


def test_one_of_two_is_killed_and_the_other_ends_what_it_began(database: Server, tmp_path: Path) -> None:
    store = begun(tmp_path / "first", database.url)
    first = Controller(tmp_path / "first", database.url, 1000, 0.1)
    second = Controller(tmp_path / "second", database.url, TRIALS, 0.1)
    try:
        begin_together(first, second)
        until(lambda: finished(store) >= 10 and len(at_work(store)) == 2)
        first.kill()
        second.ends()
    finally:
        first.kill()
        second.kill()
    records = store.trials(GOAL.id)
    interrupted = {record.recipe_id for record in records if record.state == INTERRUPTED}
    assert interrupted
    # The interrupted recipes were asked for first, and told.
    assert "was interrupted elsewhere: recipe" in second.said
    assert interrupted <= {record.recipe_id for record in records if record.state in (COMPLETE, GATED)}
    assert finished(store) > TRIALS
    check(store)


def test_a_server_that_stops_for_a_while_is_waited_for(database: Server, tmp_path: Path) -> None:
    store = begun(tmp_path / "first", database.url)
    both = [Controller(tmp_path / name, database.url, 12, 0.1) for name in ("first", "second")]
    try:
        begin_together(*both)
        until(lambda: finished(store) >= 6 and len(at_work(store)) == 2)
        database.stop()
        until(lambda: all(AWAY in controller.said for controller in both))
        database.start()
        for controller in both:
            controller.ends()
    finally:
        for controller in both:
            controller.kill()
    for controller in both:
        assert controller.said.count(AWAY) == 1
        assert controller.said.count("the database answers again, after ") == 1
    assert finished(store) == 24
    assert INTERRUPTED not in {record.state for record in store.trials(GOAL.id)}
    check(store)


def test_what_was_finished_in_an_outage_is_told_after_a_kill(database: Server, tmp_path: Path) -> None:
    folder = tmp_path / "first"
    store = begun(folder, database.url)
    first = Controller(folder, database.url, 1000, 1.0)
    try:
        first.begin()
        until(lambda: finished(store) >= 2)
        database.stop()
        until(lambda: any((folder / "pending").glob("candidate-*.json")))
    finally:
        first.kill()
    pending = {path.name.split("-")[1] for path in (folder / "pending").glob("candidate-*.json")}
    database.start()
    again = Controller(folder, database.url, 2, 0.1)
    again.begin()
    again.ends()
    assert "results that were finished and not in the database yet: " in again.said
    trials = [record for record in store.trials(GOAL.id) if record.recipe_id in pending]
    # Each is told of the trial that it was trained for.
    assert [record.state for record in trials] == [COMPLETE] * len(pending)
    assert not any((folder / "pending").iterdir())
    check(store)


def test_a_recipe_is_one_controllers(database: Server, tmp_path: Path) -> None:
    """Many at once that all want the same."""
    begun(tmp_path / "first", database.url)
    script = """
import sys
from pathlib import Path
from search.store.writing import writing
from tests.search.made_up import GOAL, recipe

with writing(Path(sys.argv[1]), sys.argv[2]) as store:
    print([store.claim_trial(GOAL, int(sys.argv[3]) + 10 * seed, recipe(seed), 10**6) for seed in range(5)], flush=True)
    sys.stdin.read()
"""
    words = [sys.executable, "-W", "ignore", "-c", script]
    all_four = [
        subprocess.Popen(
            [*words, str(tmp_path / str(number)), database.url, str(number)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ,
        )
        for number in range(4)
    ]
    lines = [eval(process.stdout.readline()) for process in all_four]
    for process in all_four:
        process.communicate()
    assert [sum(claims) for claims in zip(*lines, strict=True)] == [1] * 5


def test_status_names_who_is_at_work_and_export_who_has_the_file(
    database: Server, tmp_path: Path, user: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    with writing(tmp_path / "first", database.url) as store:
        with_baseline(store)
        store.use_study(GOAL)
        result = evaluation(made=distinct(1)[0])
        keep(store, result)
        store.claim_trial(GOAL, 0, recipe(1), store.last_change())
        words = ("--store", tmp_path / "second", "--storage", database.url)
        status_text = user.types("status", *words)[1]
        assert f"  pid {os.getpid()} on {socket.gethostname()} since 20" in status_text
        assert "): 1 on their way" in status_text
        (study,) = json.loads(user.types("status", "--json", *words)[1])["studies"]
        assert list(study["at_work"].values()) == [1]
    # Another machine's, of which this one sees no folder.
    with statements(store) as execute:
        execute("UPDATE search_candidates SET host = 'desk', folder = '/home/lena/store'", {})
    status, out, err = user.types("export", "--to", tmp_path / "best.onnx", *words)
    assert (status, out) == (REQUEST, "")
    assert f"{result.recipe_id}.onnx is not here: it lies on desk in the store /home/lena/store" in err
    assert f"next, on desk: python -m search export --to {tmp_path}/best.onnx" in err
    assert err.rstrip().endswith("--store /home/lena/store")
    # On this machine it is taken from the other folder.
    file = tmp_path / "first" / "candidates" / f"{result.recipe_id}.onnx"
    file.parent.mkdir()
    file.write_bytes(b"a network")
    store = Store.create(tmp_path / "first", database.url)
    store.add_candidate(replace(result.candidate, file=file, sha256=sha256(file)), GOAL.baseline_id, result.validation)
    assert user.types("export", "--to", tmp_path / "best.onnx", *words)[0] == OK
    assert (tmp_path / "best.onnx").read_bytes() == b"a network"
