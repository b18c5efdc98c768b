"""Worker: a process of a Dask cluster that carries orders out, one at a time; it comes back when the scheduler does."""

import asyncio
import multiprocessing
import os
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from multiprocessing.connection import wait as wait_for
from pathlib import Path
from typing import Any

from distributed import Worker, get_worker
from distributed.diagnostics.plugin import WorkerPlugin
from distributed.exceptions import Reschedule

from search.building.artifacts import Artifact
from search.building.child import end_with_parent
from search.building.cluster.address import listening_host
from search.building.cluster.connection import answer, quiet_library, security
from search.building.cluster.errors import ClusterError
from search.building.cluster.messages import TOPIC, Answer, Request, Unfit
from search.building.cluster.station import Build, GoneError, Station, Told, made_folder
from search.building.cluster.versions import resource, versions_here
from search.building.tasks import carry_out_order

# What a worker offers beside its versions, where it has one to lend.
GPU = "GPU"
# Seconds between two tries to reach a scheduler, and two looks whether an unfit worker has become fit.
_AGAIN_S, _FIT_AGAIN_S = 2.0, 20.0
# Seconds between two words of a worker that does the same still, and at least between two of a training's progress.
_TOLD_EVERY_S, _TOLD_AT_LEAST_S = 10.0, 0.5
# The name of the plugin in Dask's worker.
_PLUGIN = "station"


@dataclass(frozen=True, slots=True)
class WorkerSettings:
    address: str
    folder: Path
    data_dir: Path | None = None
    gpu: bool = False
    # How many torch takes; None leaves it to torch.
    threads: int | None = None
    build: Build = carry_out_order
    # What passes for its versions; None: those that it has.
    versions: tuple[tuple[str, str], ...] | None = None


class StationPlugin(WorkerPlugin):
    """The station within Dask's worker: which order was taken back, and what its controllers are told."""

    name = _PLUGIN

    def __init__(self, station: Station, versions: dict[str, str]) -> None:
        self.station = station
        self.versions = versions
        # Whether the worker leaves the cluster to join it again at once.
        self.rejoins = False
        self._worker: Worker | None = None
        self._said: tuple[float, str] = (0.0, "")

    def setup(self, worker: Worker) -> None:
        self._worker = worker
        self.station.tell = self._tell

    def teardown(self, worker: Worker) -> None:
        self.station.tell = lambda report: None
        self.station.leave()

    def transition(self, key: Any, start: str, finish: str, **others: Any) -> None:
        # By this transition Dask says that nobody wants the order any more that is at work here.
        if (start, finish) == ("executing", "released"):
            threading.Thread(target=self.station.stop, args=(str(key),), daemon=True).start()

    def _tell(self, report: Told, *, anew: bool = False) -> None:
        at, step = self._said
        if anew or report.step != step or time.monotonic() - at >= _TOLD_AT_LEAST_S:
            self._said = (time.monotonic(), report.step)
            self.event("doing", **asdict(report))

    def event(self, kind: str, **words: Any) -> None:
        worker = self._worker
        if worker is not None:
            worker.log_event(TOPIC, {"kind": kind, "name": worker.name, "address": worker.address, **words})

    async def go_on_telling(self) -> None:
        while True:
            self._tell(self.station.told(), anew=True)
            await asyncio.sleep(_TOLD_EVERY_S)

    def unfit(self) -> None:
        """Takes no more orders until there is room again; called from the thread of an order."""
        worker = self._worker
        assert worker is not None
        loop = worker.loop.asyncio_loop
        nothing = {resource(self.versions): 0}
        asyncio.run_coroutine_threadsafe(worker.set_resources(**nothing), loop).result(60)
        asyncio.run_coroutine_threadsafe(self._rejoin(worker), loop)

    async def _rejoin(self, worker: Worker) -> None:
        """Joins the cluster again once there is room. An order that found no worker is looked at by Dask where one
        joins, and not where one offers more than before."""
        await asyncio.sleep(_FIT_AGAIN_S)
        while not self.station.room():
            await asyncio.sleep(_FIT_AGAIN_S)
        self.rejoins = True
        await worker.close(reason="it joins again")


def _here() -> tuple[Worker, StationPlugin]:
    worker = get_worker()
    plugin = worker.plugins[_PLUGIN]
    assert isinstance(plugin, StationPlugin)
    return worker, plugin


def carried_out(request: Request) -> Answer | Unfit:
    """Dask's task."""
    worker, plugin = _here()
    key = str(worker.get_current_task())

    def ask(names: Sequence[str], why: str) -> None:
        plugin.event("missing", key=key, names=list(names), why=why)

    try:
        outcome = plugin.station.carry_out(key, request, str(worker.name), ask)
    except GoneError as error:
        raise Reschedule from error
    if isinstance(outcome, Unfit):
        plugin.unfit()
    return outcome


async def take(key: str, files: list[Artifact], dask_worker: Worker) -> list[str]:
    """Run beside the task, by the controller that was asked; the names of what was changed on its way."""
    plugin = dask_worker.plugins[_PLUGIN]
    assert isinstance(plugin, StationPlugin)
    return await asyncio.to_thread(plugin.station.take, key, files)


def versions_of(dask_worker: Worker) -> dict[str, str]:
    plugin = dask_worker.plugins.get(_PLUGIN)
    return plugin.versions if isinstance(plugin, StationPlugin) else versions_here()


def serve(settings: WorkerSettings) -> None:
    """The whole life of a worker's process: until SIGTERM, or the end of its parent."""
    # Ctrl-C reaches every process of a terminal; the parent decides what becomes of this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if multiprocessing.parent_process():
        threading.Thread(target=end_with_parent, daemon=True).start()
    quiet_library()
    station = Station(
        made_folder(settings.folder),
        settings.data_dir,
        gpu=settings.gpu,
        threads=settings.threads,
        build=settings.build,
    )
    try:
        asyncio.run(_serve(settings, station))
    finally:
        station.close()


async def _serve(settings: WorkerSettings, station: Station) -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    last_error = ""
    while not ended.is_set():
        try:
            await answer(settings.address, "worker")
            last_error = ""
            await _member(settings, station, ended)
        except (ClusterError, OSError, TimeoutError, ValueError) as error:
            if str(error) != last_error:
                last_error = str(error)
                _say(f"{last_error}; tried again until it answers")
        await _until(ended, _AGAIN_S)


async def _member(settings: WorkerSettings, station: Station, ended: asyncio.Event) -> None:
    """A member of the cluster as long as the scheduler is there."""
    versions = dict(settings.versions) if settings.versions else versions_here()
    plugin = StationPlugin(station, versions)
    worker = Worker(
        settings.address,
        host=listening_host(settings.address),
        nthreads=1,
        name=f"{socket.gethostname()}-{os.getpid()}",
        resources={resource(versions): 1} | ({GPU: 1} if settings.gpu else {}),
        plugins=(plugin,),
        security=security(settings.address),
        # What trains is a child, whose memory it does not count.
        memory_limit=0,
        local_directory=str(settings.folder / "dask"),
        dashboard=False,
        # Dask serves HTTP without a dashboard too.
        dashboard_address="127.0.0.1:0",
    )
    starting = asyncio.ensure_future(_started(worker))
    ending = asyncio.ensure_future(ended.wait())
    try:
        await asyncio.wait([starting, ending], return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            _say(f"{worker.name}: a worker of {settings.address}, in {settings.folder}")
            telling = asyncio.ensure_future(plugin.go_on_telling())
            finished = asyncio.ensure_future(worker.finished())
            await asyncio.wait([finished, ending], return_when=asyncio.FIRST_COMPLETED)
            telling.cancel()
    finally:
        ending.cancel()
        starting.cancel()
        station.leave()
        await worker.close(reason="it was told to end")
    if not ended.is_set() and not plugin.rejoins:
        _say(f"{settings.address}: the scheduler is gone; tried again until it is back")


async def _started(worker: Worker) -> None:
    await worker


async def _until(ended: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(ended.wait(), seconds)
    except TimeoutError:
        return


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def supervise(settings: WorkerSettings, count: int, lifetime_s: float | None, say: Callable[[str], None]) -> None:
    """Runs so many workers, each begun anew where it dies, until SIGTERM, Ctrl-C or the end of their time."""
    context = multiprocessing.get_context("spawn")
    end = None if lifetime_s is None else time.monotonic() + lifetime_s
    signal.signal(signal.SIGTERM, _interrupt)
    processes: list[Any] = []
    try:
        while end is None or time.monotonic() < end:
            for process in [process for process in processes if not process.is_alive()]:
                say(f"a worker died ({process.exitcode}); another one begins")
                processes.remove(process)
                # What one dies of at once the next one may too.
                time.sleep(min(_AGAIN_S, _left(end) or _AGAIN_S))
            while len(processes) < count:
                process = context.Process(target=serve, args=(settings,))
                process.start()
                processes.append(process)
            wait_for([process.sentinel for process in processes], _left(end))
        say("its time is over: what was at work is given back")
    except KeyboardInterrupt:
        say("ended: what was at work is given back")
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.join(_AGAIN_S * 5)
            process.kill()
            process.join()


def _left(end: float | None) -> float | None:
    return None if end is None else max(0.0, end - time.monotonic())


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt
