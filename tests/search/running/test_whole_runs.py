"""Whole runs of the search in processes of their own: interrupted, replayed, confirmed."""

import json
import re
import signal
import statistics
import subprocess
import time
from pathlib import Path

import pytest
from optuna.trial import TrialState

from evaluators.accuracy import accuracy
from evaluators.latency import process_interval
from search.choosing.trial_notes import GATED_BY
from search.commands.exit_status import INTERRUPTED, OK, REQUEST
from search.results.wording import ONE_CONTEST
from search.store.store import Store
from search.store.trials import COMPLETE, GATED
from space.candidate import Candidate
from space.data.sources import Source, load
from space.files import sha256
from space.networks.mobilenet_v1.shape import WIDTHS
from tests.search.user import User
from tests.search.whole import (
    ROOT,
    SEARCH,
    children_of,
    command,
    copy,
    environment,
    finished,
    keep_one_network,
    optunas,
)

# What is typed in this process; those of their own have it from whole.py.
pytestmark = [pytest.mark.whole, pytest.mark.usefixtures("calm_machine")]


@pytest.fixture(scope="module")
def run(started, tmp_path_factory) -> tuple[Path, str]:
    """A store with some trials more, and what the run that made them said."""
    folder = copy(started, tmp_path_factory.mktemp("searched") / "store")
    completed = finished(*SEARCH, "--store", folder, "--trials", 3)
    assert completed.returncode == OK, completed.stderr
    # Without a meter it says at the start what a contest for FoM then is.
    assert ONE_CONTEST in completed.stderr
    return folder, completed.stdout


@pytest.fixture
def searched(run) -> Path:
    return run[0]


def test_a_run_tells_one_line_per_trial_and_ends_with_the_ranking(run):
    _, out = run
    lines = [line for line in out.splitlines() if line.startswith("trial ")]
    assert len(lines) == 3
    assert re.search(
        r"\d+\.\d\d % validation  .* ms  FoM .* x ±.* (faster|slower) than the baseline, FoM .* x .* est\.", lines[0]
    )
    assert "the unpruned baseline" in out
    assert re.search(
        r"best fom: [\d.]+ ms, .* x ±.* (faster|slower) than the baseline; FoM .* x .* est\. the baseline's", out
    )


def test_accuracy_is_that_of_the_deployed_file(searched):
    store = Store.existing(searched)
    goal = store.studies()[0]
    images = load(Source("builtin")).validation
    for result in store.evaluations(goal.baseline_id, goal.bench_id).values():
        assert accuracy(result.candidate.file, images).correct == result.validation.correct


def test_rank_json_names_files_that_are_there(searched, user: User):
    content = json.loads(user.types("rank", "--json", "--store", searched)[1])
    assert content["baseline"]["latency_gain"] == 1.0
    for row in content["ranking"]:
        assert Path(row["onnx"]).is_file()
        assert row["latency_provenance"].startswith("measured")
        assert row["energy_provenance"].startswith("estimated (power model of Raspberry Pi 3B+")
        low, high = row["latency_ci_ms"]
        assert low <= row["latency_ms"] <= high


def test_a_second_run_on_the_same_store_is_refused_and_names_the_first(started, user: User, tmp_path):
    folder = copy(started, tmp_path / "store")
    first = subprocess.Popen(
        command(*SEARCH, "--store", folder, "--trials", 50),
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    try:
        while not (folder / "lock").read_text():
            time.sleep(0.05)
        status, _, err = user.types(*SEARCH, "--store", folder)
        assert status == REQUEST
        assert f"pid {first.pid} on " in err
        assert err.splitlines()[1:] == [f"next: python -m search status --watch --store {folder}"]
        # Readers do not need the lock.
        assert user.types("rank", "--store", folder)[0] == OK
        assert f"pid {first.pid}" in user.types("status", "--store", folder)[1]
    finally:
        first.kill()
        first.communicate()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_cleanly_and_says_how_to_go_on(searched, tmp_path, number):
    folder = copy(searched, tmp_path / "store")
    with subprocess.Popen(
        command(*SEARCH, "--store", folder, "--trials", 50),
        cwd=ROOT,
        env=environment(folder),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            # In the middle of a trial, the second most likely.
            process.stdout.readline()
            time.sleep(0.3)
            process.send_signal(number)
            _, err = process.communicate(timeout=500)
        finally:
            process.kill()
    assert process.returncode == INTERRUPTED
    assert f"--store {folder}" in err.split("go on with: python -m search ")[1]
    assert "Traceback" not in err
    assert children_of(folder) == []
    store = Store.existing(folder)
    states = {trial.state for trial in optunas(store, store.studies()[0].id)}
    assert TrialState.RUNNING not in states


def test_a_damaged_candidate_is_built_again(searched, tmp_path):
    folder = copy(searched, tmp_path / "store")
    store = Store.existing(folder)
    goal = store.studies()[0]
    result = next(iter(store.evaluations(goal.baseline_id, goal.bench_id).values()))
    result.candidate.file.write_bytes(result.candidate.file.read_bytes()[:1000])
    manifest = result.candidate.file.with_suffix(".json")
    baseline = json.loads((folder / "baselines" / f"{goal.baseline_id}.json").read_text())
    assert baseline["data"] == "builtin"

    from search.building.tasks import carry_out
    from space.baseline import describe

    rebuilt = carry_out(
        result.candidate.recipe, folder, describe(folder / "baselines", goal.baseline_id), Source("builtin")
    )
    assert rebuilt.candidate.sha256 == sha256(rebuilt.candidate.file) == result.candidate.sha256
    assert Candidate.from_json(manifest.read_text(), manifest.parent) == rebuilt.candidate


def test_a_replayed_bench_asks_for_the_same_recipes_to_the_end(searched, user: User, tmp_path):
    recording = tmp_path / "bench.jsonl"
    assert user.types("export", "--to", recording, "--store", searched)[0] == OK
    original = Store.existing(searched)
    goal = original.studies()[0]
    expected = [record.recipe_id for record in original.trials(goal.id) if record.state in (COMPLETE, GATED)]

    # The files are taken as they are: another test has them built again.
    folder = copy(searched, tmp_path / "store")
    for path in folder.glob("search.db*"):
        path.unlink()
    again = Store.create(folder)
    again.remember(f"baseline {goal.fingerprint}", goal.baseline_id)
    completed = finished(*SEARCH, "--store", folder, "--device", f"replay:{recording}", "--trials", len(expected))
    assert completed.returncode == OK, completed.stderr
    assert [record.recipe_id for record in again.trials(again.studies()[0].id)] == expected
    figures = again.evaluations(goal.baseline_id, again.studies()[0].bench_id)
    for id, result in original.evaluations(goal.baseline_id, goal.bench_id).items():
        if id in expected:
            # A leader that was timed again answers with what it was timed at first, as a trial was judged by that.
            processes = [
                process_interval(run)[0] for run in original.runs(result.candidate.recipe.structure_id, goal.bench_id)
            ]
            answers = [statistics.median(processes[:count]) for count in range(1, len(processes) + 1)]
            assert any(figures[id].figures.latency_s == pytest.approx(answer, rel=1e-4) for answer in answers)


def test_confirm_measures_the_whole_test_set_and_its_accuracy_is_the_files(searched, user: User, tmp_path):
    folder = copy(searched, tmp_path / "store")
    keep_one_network(folder)
    status, _, err = user.types("confirm", "--top", 1, "--store", folder, "--min-accuracy", "0.01")
    assert status == OK, err
    content = json.loads(user.types("rank", "--json", "--store", folder)[1])
    row = next(row for row in content["ranking"] if row["stage"] == "confirm")
    test = load(Source("builtin")).test
    assert row["test_accuracy"] == accuracy(Path(row["onnx"]), test).share
    assert row["search"]["latency_ms"] > 0
    assert content["baseline"]["test_accuracy"] is not None
    assert content["baseline"]["latency_gain"] == 1.0
    store = Store.existing(folder)
    goal = store.studies()[0]
    result = store.evaluations(goal.baseline_id, goal.bench_id)[row["recipe_id"]]
    assert result.confirmation is not None
    assert result.confirmation.figures.inferences == 3 * len(test)


def test_all_objectives_share_one_pool_of_evaluations(started, tmp_path):
    folder = copy(started, tmp_path / "store")
    completed = finished(*SEARCH, "--store", folder, "--objective", "all", "--trials", 3)
    assert completed.returncode == OK, completed.stderr
    named = re.findall(r"^(\w+) trial +\d+  ", completed.stdout, re.MULTILINE)
    assert named == ["latency", "energy", "fom"]
    store = Store.existing(folder)
    assert {goal.objective for goal in store.studies()} == {"latency", "energy", "fom"}
    for goal in store.studies():
        complete = {
            trial.user_attrs["recipe"]
            for trial in optunas(store, goal.id)
            if trial.state == TrialState.COMPLETE and GATED_BY not in trial.user_attrs
        }
        # The unpruned network lies outside this space.
        evaluated = store.evaluations(goal.baseline_id, goal.bench_id)
        assert complete == {id for id, result in evaluated.items() if result.candidate.recipe.widths != WIDTHS}
        assert len(store.trials(goal.id)) == (2 if goal.objective == "fom" else 1)


def test_measure_takes_any_file(searched, user: User):
    store = Store.existing(searched)
    goal = store.studies()[0]
    result = next(iter(store.evaluations(goal.baseline_id, goal.bench_id).values()))
    row = json.loads(user.types("measure", result.candidate.file, "--json")[1])
    assert row["recipe_id"] == result.recipe_id
    assert row["parameters"] == result.candidate.parameters
    assert row["latency_ms"] > 0
    assert row["test_accuracy"] is None
