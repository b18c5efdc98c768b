"""A whole run whose training and building is done by the workers of a real Dask cluster on the loopback."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("distributed", reason="Dask is not installed (extra [cluster])")

from search.commands.command_line import parse, run
from search.commands.exit_status import OK, REQUEST, RIG
from search.running.doing import FILE
from search.running.view import View
from tests.search.building.cluster.loopback import Cluster, cluster, free_port, until
from tests.search.made_up import store_with
from tests.search.replayed import recorded, trials_of, with_extras
from tests.search.whole import REAL, ROOT, SEARCH, command, copy

TRIALS = 2
RANDOM = (*SEARCH, "--sampler", "random")


@pytest.fixture(scope="module")
def recording(started: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Measurements of as many structures as the runs below ask for, as another machine's."""
    folder = copy(started, tmp_path_factory.mktemp("recorded") / "store")
    return recorded(folder, folder.parent / "bench.jsonl", RANDOM, TRIALS)


@pytest.fixture
def working(tmp_path: Path) -> Iterator[Cluster]:
    """Two workers, as a person starts them."""
    with cluster() as dask_cluster:
        words = command("workers", dask_cluster.address, "--count", 2, "--folder", tmp_path / "worker", program=REAL)
        with (tmp_path / "workers.txt").open("w") as output:
            started = subprocess.Popen(words, cwd=ROOT, env=with_extras(), stderr=output, stdin=subprocess.DEVNULL)
        until(lambda: (tmp_path / "workers.txt").read_text().count("a worker of") == 2, "two workers")
        yield dask_cluster
        started.send_signal(signal.SIGTERM)
        assert started.wait(60) == OK
        assert "ended: what was at work is given back" in (tmp_path / "workers.txt").read_text()


@pytest.mark.timeout(900)
@pytest.mark.whole
def test_workers_and_builders_of_this_machine_carry_out_the_same_trials(
    started: Path, recording: Path, working: Cluster, tmp_path: Path
) -> None:
    by_builders = trials_of(copy(started, tmp_path / "here"), recording, *RANDOM, "--trials", TRIALS, "--builders", 2)
    words = (*RANDOM, "--trials", TRIALS, "--workers", working.address)
    by_workers = trials_of(copy(started, tmp_path / "there"), recording, *words)
    assert len(by_builders) == TRIALS
    assert by_workers == by_builders
    # The candidates were built there, and every file came back.
    built = {path.name for path in (tmp_path / "worker" / "candidates").iterdir()}
    assert built >= {path.name for path in (tmp_path / "there" / "candidates").glob("*.json")} - {
        path.name for path in (started / "candidates").glob("*.json")
    }


def test_what_cannot_be_is_said_before_anything_is_trained(started: Path, tmp_path: Path) -> None:
    def said(*words: object) -> tuple[int, str]:
        typed = command(*SEARCH, "--store", started, *words)
        completed = subprocess.run(typed, cwd=ROOT, env=with_extras(), capture_output=True, text=True)
        return completed.returncode, completed.stderr

    status, text = said("--workers", "tcp://trainers.example:8786")
    assert (status, "use tls://" in text, "--workers-plain" in text) == (REQUEST, True, True)
    status, text = said("--workers", "http://127.0.0.1")
    assert (status, "a scheduler's address is tcp://HOST:8786" in text) == (REQUEST, True)
    status, text = said("--workers", f"tcp://127.0.0.1:{free_port()}")
    assert (status, text.splitlines()[-1]) == (RIG, "next, on that machine: dask scheduler")


def test_a_machine_without_dask_is_told_what_to_install(tmp_path: Path) -> None:
    """This Python finds no `distributed`."""
    script = (
        "import sys, importlib.util as util; find = util.find_spec\n"
        "util.find_spec = lambda name, *rest: None if name == 'distributed' else find(name, *rest)\n"
        "from search.__main__ import main; sys.exit(main())"
    )
    words = [sys.executable, "-c", script, "workers", "tcp://127.0.0.1:8786"]
    completed = subprocess.run(words, cwd=ROOT, env=dict(os.environ), capture_output=True, text=True)
    assert completed.returncode == REQUEST
    assert "next: pip install 'ondevice-search[cluster]'" in completed.stderr


def test_status_shows_workers_what_they_do_and_how_busy_they_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = store_with(tmp_path / "store", [])
    view = View(0)
    view.of(store, store.studies(), 4, None)
    view.worker("hydra-1", "ab12: fine-tune", 0.5, 0.8)
    view.worker("hydra-2", "", 0.0, 0.25)
    view.worker("hydra-3", "", 0.0, 0.0)
    view.worker_gone("hydra-3")
    with view:
        until((store.folder / FILE).exists)
        assert run(*parse(["status", "--store", str(store.folder)])) == OK
        lines = capsys.readouterr().out.splitlines()
        assert lines[1:3] == [
            "worker hydra-1: ab12: fine-tune, 50 % done; busy for 80 % of its time",
            "worker hydra-2: idle; busy for 25 % of its time",
        ]
        assert run(*parse(["status", "--json", "--store", str(store.folder)])) == OK
        assert [each["busy"] for each in json.loads(capsys.readouterr().out)["workers"]] == [0.8, 0.25]
