"""A site that Slurm runs, of one node, with a configuration of its own; as root, without systemd, in a few seconds."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.search.building.cluster.loopback import free_port, until

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "squeue")

_CONFIGURATION = """
ClusterName=loopback
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
SlurmctldPort={controller}
SlurmdPort={daemon}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SchedulerType=sched/backfill
SchedulerParameters=sched_interval=1,batch_sched_delay=0,sched_min_interval=0
MpiDefault=none
ReturnToService=2
KillWait=5
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 State=UNKNOWN
PartitionName=main Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""


@contextmanager
def slurm_site(folder: Path) -> Iterator[dict[str, str]]:
    """What its users have in their environment; skips the test, with the reason, where it cannot be started."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"not installed: {', '.join(missing)} (Debian's slurmctld, slurmd, slurm-client and munge)")
    if os.geteuid() != 0:
        pytest.skip("Slurm's daemons are started by root alone")
    for name in ("state", "spool"):
        (folder / name).mkdir(parents=True)
    key = folder / "munge.key"
    key.write_bytes(secrets.token_bytes(128))
    key.chmod(0o400)
    configuration = folder / "slurm.conf"
    host = socket.gethostname().split(".")[0]
    ports = {"controller": free_port(), "daemon": free_port()}
    configuration.write_text(_CONFIGURATION.format(folder=folder, host=host, **ports))
    environment = {**os.environ, "SLURM_CONF": str(configuration)}
    munge = {"socket": "munge.socket", "key-file": "munge.key", "pid-file": "munge.pid", "log-file": "munge.log"}
    options = [f"--{name}={folder / file}" for name, file in {**munge, "seed-file": "munge.seed"}.items()]
    daemons = []

    def start(*words: str) -> None:
        with (folder / f"{words[0]}.txt").open("w") as output:
            daemons.append(subprocess.Popen(words, env=environment, stdout=output, stderr=output))

    try:
        start("munged", "--foreground", "--force", *options)
        until((folder / "munge.socket").exists, "munge")
        start("slurmctld", "-D", "-i")
        start("slurmd", "-D", "-N", host)
        until(lambda: "idle" in _asked("sinfo", "-h", "-o", "%T", environment=environment), "the node")
        yield environment
        _asked("scancel", "--state=PENDING", "--user=root", environment=environment)
        _asked("scancel", "--full", "--signal=KILL", "--user=root", environment=environment)
        until(lambda: not _asked("squeue", "-h", environment=environment), "the end of its jobs")
    finally:
        for daemon in reversed(daemons):
            daemon.send_signal(signal.SIGTERM)
        for daemon in daemons:
            try:
                daemon.wait(20)
            except subprocess.TimeoutExpired:
                daemon.kill()
                daemon.wait()


def jobs(environment: dict[str, str]) -> list[str]:
    """A line for each: its id and state."""
    return _asked("squeue", "-h", "-r", "-o", "%i %T", environment=environment).splitlines()


def cancel(job: str, environment: dict[str, str]) -> None:
    subprocess.run(["scancel", job], env=environment, check=True)


def _asked(*words: str, environment: dict[str, str]) -> str:
    return subprocess.run(words, env=environment, capture_output=True, text=True).stdout.strip()
