"""Slurm: the batch script that starts workers on a site that Slurm runs, and its submission."""

import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from search.building.cluster.errors import ClusterError
from space.errors import RequestError

# A worker ends by itself before its walltime: by this share of it, and by no less and no more than so many seconds.
_MARGIN, _LEAST_S, _MOST_S = 0.1, 10.0, 300.0
_JOB = "ondevice-search"
# What a partition may be called, as the name stands in the script.
_NAME = re.compile(r"[\w.,-]+")


@dataclass(frozen=True, slots=True)
class Job:
    """An array of so many, each a worker with an allocation and a walltime of its own: one begins as soon as there is
    room for it."""

    count: int
    walltime_s: float
    # The words that start one worker, without its lifetime.
    words: Sequence[str]
    # The folder in which each worker begins.
    folder: Path
    partition: str | None = None
    gpu: bool = False
    cores: int = 4

    @property
    def lifetime_s(self) -> float:
        """A margin before its walltime, to give back what is at work. A signal that Slurm sends before it may come a
        minute early (sbatch's manual): with --signal=B:TERM@5 jobs of one minute ended after 29 s."""
        return self.walltime_s - min(max(_MARGIN * self.walltime_s, _LEAST_S), _MOST_S)

    def script(self) -> str:
        options = {
            "job-name": _JOB,
            "array": f"1-{self.count}",
            "ntasks": "1",
            "cpus-per-task": str(self.cores),
            "time": _slurm_time(self.walltime_s),
            "output": f"{_JOB}-%A_%a.log",
        }
        if self.partition:
            options["partition"] = self.partition
        if self.gpu:
            options["gres"] = "gpu:1"
        words = [*self.words, "--lifetime", f"{round(self.lifetime_s)}s"]
        return "\n".join(
            [
                "#!/bin/sh",
                *(f"#SBATCH --{name}={value}" for name, value in options.items()),
                f"cd {shlex.quote(str(self.folder))} || exit 1",
                # Signals reach the worker, as no shell stands between.
                f"exec {shlex.join(words)}",
                "",
            ]
        )


def checked_partition(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise ValueError(f"{text!r} is no partition's name")
    return text


def _slurm_time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}"


def submit(script: str) -> str:
    """What sbatch says of it."""
    program = shutil.which("sbatch")
    if program is None:
        raise RequestError("--submit: sbatch is not on this machine; without --submit the script is printed")
    done = subprocess.run([program], input=script, capture_output=True, text=True)
    if done.returncode:
        raise ClusterError(f"sbatch: {' '.join(done.stderr.split()) or f'status {done.returncode}'}")
    return done.stdout.strip()


def python() -> list[str]:
    """The environment that this runs in has to be there on the nodes, as on a shared disk."""
    return [sys.executable, "-m", "search"]
