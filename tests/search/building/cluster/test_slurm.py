"""Workers on a site that Slurm runs; tests/benchmarks/trainers_at_scale.py has a walltime end them."""

import shlex
import subprocess
import sys

import pytest

pytest.importorskip("distributed", reason="Dask is not installed (extra [cluster])")

from search.building.cluster import slurm
from search.commands.command_line import parse, run
from search.commands.exit_status import OK
from space.errors import RequestError
from tests.search.building.cluster.loopback import (
    HANG_S,
    ROOT,
    Seen,
    begun,
    cluster,
    opened,
    order,
    store_folder,
    trained,
    until,
    worker_folder,
)
from tests.search.building.cluster.slurm_site import cancel, jobs, slurm_site

SIMULATED = [sys.executable, "-m", "tests.search.building.cluster.simulated_workers"]


def typed(*words: object) -> int:
    return run(*parse(["workers", *map(str, words)]))


def test_the_script_asks_for_what_was_asked_for_and_ends_before_its_walltime(capsys, tmp_path):
    words = ("tls://head:8786", "--slurm", "--walltime", "2h", "--partition", "gpu", "--gpu", "--count", 8)
    assert typed(*words, "--data-dir", tmp_path, "--cores", 6) == OK
    script = capsys.readouterr().out
    lines = script.splitlines()
    assert lines[0] == "#!/bin/sh"
    for option in ("array=1-8", "time=2:00:00", "partition=gpu", "gres=gpu:1", "cpus-per-task=6"):
        assert f"#SBATCH --{option}" in lines
    words = shlex.split(lines[-1])
    assert words[0] == "exec"
    # What it starts is a command of ours: five minutes before the two hours are over it ends by itself.
    command, options = parse(words[words.index("workers") :])
    assert command.module == "search.commands.workers"
    assert (options.lifetime, options.gpu, options.data_dir) == (6900.0, True, tmp_path)
    assert subprocess.run(["sh", "-n"], input=script, text=True).returncode == 0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--walltime", "30s", "--slurm"], "Slurm's shortest walltime is 1m"),
        (["--partition", "a b", "--slurm"], "no partition's name"),
        (["--submit"], "--submit only together with --slurm"),
    ],
)
def test_what_slurm_does_not_take_is_said(words, message):
    with pytest.raises(RequestError, match=message):
        typed("tcp://127.0.0.1:8786", *words)


@pytest.mark.whole
def test_workers_of_a_site_train_and_give_back_what_is_cancelled(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(slurm, "python", lambda: SIMULATED)
    folder, seen = worker_folder(tmp_path / "shared"), Seen()
    with slurm_site(tmp_path / "site") as environment, cluster() as dask_cluster:
        monkeypatch.setenv("SLURM_CONF", environment["SLURM_CONF"])
        monkeypatch.setenv("PYTHONPATH", str(ROOT))
        monkeypatch.chdir(tmp_path)
        words = ("--slurm", "--submit", "--count", 3, "--cores", 1, "--walltime", "5m", "--folder", folder)
        assert typed(dask_cluster.address, *words) == OK
        assert "Submitted batch job" in capsys.readouterr().out
        with opened(dask_cluster, store_folder(tmp_path / "store"), seen) as executor:
            tasks = [executor.submit(order(seed=seed, epochs=400)) for seed in (1, 2)]
            until(lambda: begun(folder) == 2, "two trainings")
            # The third job waits for room on the node; it takes the order that the first gives back.
            running = [line.split()[0] for line in jobs(environment) if line.endswith("RUNNING")]
            assert len(running) == 2
            cancel(running[0], environment)
            for task in tasks:
                task.result(HANG_S)
        assert sorted(trained(folder)) == sorted(order(seed=seed, epochs=400).recipe.weights_id for seed in (1, 2))
        assert begun(folder) == 3
