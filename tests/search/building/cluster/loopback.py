"""A cluster on this machine: Dask's own scheduler and our workers, each a process of its own."""

import hashlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import psutil

from search.building.order import Order, OrderedImages
from search.building.ordered_images import packed
from space.baseline import Baseline
from space.data.choose import data_set_named
from space.data.collection import data_set
from space.data.images import DataSet, Images
from space.recipe import Recipe
from space.training.patience import Line
from tests.search.building.cluster.simulated import LOG
from tests.search.made_up import recipe

if TYPE_CHECKING:
    from search.building.cluster.executor import ClusterExecutor

ROOT = Path(__file__).parents[4]
# Longer than any of these takes, beside whatever else the machine does.
HANG_S = 240.0
# Is told "SCHEDULER FOLDER" and what else of its settings is not the default, as NAME=VALUE.
_WORKER = """
import sys
from pathlib import Path
from search.building.cluster import station, worker
from search.building.cluster.worker import WorkerSettings, serve
from tests.search.building.cluster.simulated import build
if __name__ == "__main__":
    # Disks are small here, and soon looked at again.
    station.ROOM, worker._FIT_AGAIN_S = 2**23, 0.5
    address, folder, *more = sys.argv[1:]
    others = dict(each.split("=", 1) for each in more)
    told = others.get("versions")
    versions = tuple(tuple(each.split(":")) for each in told.split(",")) if told else None
    gpu = "gpu" in others
    serve(WorkerSettings(address, Path(folder), gpu=gpu, threads=1, build=build, versions=versions))
"""


def until(reached: Callable[[], object], name: str = "it") -> None:
    end = time.monotonic() + HANG_S
    while not reached():
        assert time.monotonic() < end, f"{name} never came"
        time.sleep(0.02)


def tiny_images(seed: int = 0) -> DataSet:
    """Tiny images that have the name of a set of our own, and are another set."""
    drawn = np.random.default_rng(seed)
    splits = [Images(drawn.integers(0, 256, (10, 3, 32, 32), np.uint8), np.arange(10)) for _ in range(3)]
    return data_set(data_set_named("builtin"), *splits)


IMAGES = tiny_images()
ORDERED = OrderedImages("builtin", IMAGES.fingerprint)
# There are so many bytes of them that nothing else in a conversation is like them.
WEIGHTS = hashlib.sha512(b"weights").digest() * 100
BASELINE = Baseline(
    id="base",
    data="builtin",
    fingerprint=IMAGES.fingerprint,
    mean=(0.5, 0.5, 0.5),
    std=(0.25, 0.25, 0.25),
    train_split="none",
    validation_accuracy=0.5,
)


def order(
    chosen: Recipe | None = None, line: Line | None = None, accelerator: str = "auto", **choices: object
) -> Order:
    return Order(chosen or recipe(**choices), BASELINE, ORDERED, accelerator, line)


def store_folder(folder: Path) -> Path:
    """A controller's, with the baseline."""
    (folder / "baselines").mkdir(parents=True)
    (folder / "baselines" / "base.pt").write_bytes(WEIGHTS)
    return folder


def worker_folder(folder: Path) -> Path:
    """A worker's, with the images as they were sent before: none are drawn to be compared."""
    (folder / "images").mkdir(parents=True)
    packed(ORDERED, IMAGES).put(folder)
    return folder


def trained(folder: Path) -> list[str]:
    """The weights whose training ended there, in order."""
    log = folder / LOG
    lines = log.read_text().splitlines() if log.exists() else []
    return [line.split()[1] for line in lines if line.startswith("ended")]


def begun(folder: Path) -> int:
    log = folder / LOG
    return sum(line.startswith("begun") for line in log.read_text().splitlines()) if log.exists() else 0


@dataclass
class Cluster:
    port: int
    # The variables of Dask's configuration, as Dask reads them.
    environment: dict[str, str] = field(default_factory=dict)
    scheme: str = "tcp"
    scheduler: subprocess.Popen[bytes] | None = None
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def start_scheduler(self) -> None:
        words = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", f"{self.scheme}://127.0.0.1"]
        self.scheduler = self._start([*words, "--port", str(self.port), "--no-dashboard"])

    def listens(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False

    def start_worker(self, folder: Path, *more: str) -> subprocess.Popen[bytes]:
        process = self._start([sys.executable, "-c", _WORKER, self.address, str(folder), *more])
        self.workers.append(process)
        return process

    def _start(self, words: list[str]) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT), **self.environment}
        return subprocess.Popen(words, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL)

    def kill_scheduler(self) -> None:
        assert self.scheduler is not None
        self.scheduler.kill()
        self.scheduler.wait()

    def close(self) -> None:
        for process in [*self.workers, *([self.scheduler] if self.scheduler else [])]:
            process.send_signal(signal.SIGKILL)
            process.wait()


def listening_hosts(pid: int) -> set[str]:
    """The addresses of this machine on which that process takes connections."""
    connections = psutil.Process(pid).net_connections("tcp")
    return {each.laddr.ip for each in connections if each.status == psutil.CONN_LISTEN}


def free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


@contextmanager
def cluster(**others: object) -> Iterator[Cluster]:
    dask_cluster = Cluster(free_port(), **others)  # type: ignore[arg-type]
    try:
        dask_cluster.start_scheduler()
        yield dask_cluster
    finally:
        dask_cluster.close()


@dataclass
class Seen:
    """What a person would be shown."""

    lines: list[str] = field(default_factory=list)
    at: dict[str, tuple[str, float]] = field(default_factory=dict)
    steps: list[str] = field(default_factory=list)

    def say(self, text: str) -> None:
        self.lines.append(text)

    def worker(self, name: str, step: str, share: float, busy: float) -> None:
        self.at[name] = (step, busy)
        self.steps.append(step)

    def worker_gone(self, name: str) -> None:
        self.at.pop(name, None)


def opened(
    dask_cluster: Cluster, store: Path, seen: Seen, places: int | None = 2, accelerator: str = "auto"
) -> "ClusterExecutor":
    """The executor, as soon as the scheduler listens; a run that was told how many workers there will be waits for
    them."""
    from search.building.cluster.executor import ClusterExecutor

    until(dask_cluster.listens, "the scheduler")
    return ClusterExecutor(dask_cluster.address, store, IMAGES, seen, seen.say, places, accelerator)
