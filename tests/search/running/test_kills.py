"""`kill -9` at random moments: what was reported is kept, what was begun is asked for first."""

import random
import subprocess
import time

import pytest
from optuna.trial import TrialState

from search.commands.exit_status import OK, REQUEST
from search.store.store import Store
from search.store.trials import COMPLETE, GATED, INTERRUPTED
from space.files import sha256
from tests.search.user import User
from tests.search.whole import ROOT, SEARCH, children_of, command, copy, environment, optunas

pytestmark = [pytest.mark.whole, pytest.mark.usefixtures("calm_machine")]

# test_seams.py kills between any two writes; these are at random.
KILLS = 2
# More than any machine ends before it is killed.
TRIALS = 1000


def test_after_kills_at_random_moments_nothing_that_was_reported_is_lost(started, user: User, tmp_path):
    folder = copy(started, tmp_path / "store")
    moments = random.Random(7)
    reported: list[str] = []
    for kill in range(KILLS):
        output = tmp_path / f"said{kill}"
        with output.open("w") as out:
            process = subprocess.Popen(
                command(*SEARCH, "--store", folder, "--trials", TRIALS),
                cwd=ROOT,
                env=environment(folder),
                stdout=out,
                stderr=subprocess.DEVNULL,
            )
            # Half of them into its start and its reference, half into its trials.
            if kill % 2:
                while process.poll() is None and "trial " not in output.read_text():
                    time.sleep(0.02)
                time.sleep(moments.uniform(0, 2))
            else:
                time.sleep(moments.uniform(0.5, 4))
            assert process.poll() is None
            process.kill()
            process.wait()
        reported += [line.split()[2] for line in output.read_text().splitlines() if line.startswith("trial ")]
    deadline = time.monotonic() + 60
    while children_of(folder) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert children_of(folder) == []

    status, out, err = user.types(*SEARCH, "--store", folder, "--trials", 1)
    assert status == OK, err
    reported += [line.split()[2] for line in out.splitlines() if line.startswith("trial ")]
    assert len(reported) > KILLS // 2

    store = Store.existing(folder)
    goal = store.studies()[0]
    trials = optunas(store, goal.id)
    assert not [trial for trial in trials if trial.state in (TrialState.RUNNING, TrialState.WAITING)]
    complete = [trial.user_attrs["recipe"] for trial in trials if trial.state == TrialState.COMPLETE]
    assert len(complete) == len(set(complete))
    assert set(reported) <= set(complete)
    ended = [record.recipe_id for record in store.trials(goal.id) if record.state in (COMPLETE, GATED)]
    assert sorted(ended) == sorted(complete)
    for result in store.evaluations(goal.baseline_id, goal.bench_id).values():
        assert sha256(result.candidate.file) == result.candidate.sha256
    assert not list(folder.rglob(".*.part"))


def test_two_stores_on_one_database_take_turns(started, user: User, tmp_path):
    """The second is refused while the first runs, which does not notice; it goes on when the first was killed."""
    folder, other = copy(started, tmp_path / "store"), copy(started, tmp_path / "other")
    again = [*SEARCH, "--store", other, "--storage", f"sqlite:///{folder / 'search.db'}", "--trials", 1]
    output = tmp_path / "said"
    with output.open("w") as out:
        first = subprocess.Popen(
            command(*SEARCH, "--store", folder, "--trials", 50),
            cwd=ROOT,
            env=environment(folder),
            stdout=out,
            stderr=subprocess.DEVNULL,
        )
    try:
        while first.poll() is None and "trial " not in output.read_text():
            time.sleep(0.02)
        status, _, err = user.types(*again)
        assert status == REQUEST
        assert f"{folder}/search.db is in use by pid {first.pid} on " in err
        before = output.read_text()
        while first.poll() is None and output.read_text().count("\n") == before.count("\n"):
            time.sleep(0.02)
        assert first.poll() is None
    finally:
        first.kill()
        first.wait()
    numbers = [record.number for record in Store.existing(folder).trials(Store.existing(folder).studies()[0].id)]
    status, _, err = user.types(*again)
    assert status == OK, err
    store = Store.existing(folder)
    records = store.trials(store.studies()[0].id)
    assert {record.state for record in records} <= {COMPLETE, GATED, INTERRUPTED}
    assert len(records) > len(numbers)
    reported = {line.split()[2] for line in output.read_text().splitlines() if line.startswith("trial ")}
    assert reported <= {record.recipe_id for record in records if record.state in (COMPLETE, GATED)}
