"""Station: what a worker carries orders out with: a folder of its own, laid out as a store's, and one child that trains
and builds. Whatever becomes of the child, the worker lives, so a worker that dies says nothing of a recipe."""

import os
import shutil
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError, Future
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from search.building.artifacts import Artifact, DamagedError, Digest
from search.building.builders import Builders, built
from search.building.child import OutOfMemoryError
from search.building.cluster.messages import Answer, Request, Unfit
from search.building.order import Order
from search.building.ordered_images import MissingImagesError, packed_name
from search.building.tasks import CarriedOut, carry_out_order
from space.errors import DeviceLostError
from space.training.accelerator_names import AUTO
from space.workshop import manifest_name

# What a child is given: the order, the folder, and where this machine has data sets.
Build = Callable[[Order, Path, Path | None], CarriedOut]
# Seconds after which a controller is asked again for what is missing: what it was told may have been lost.
_ASKED_AGAIN_S = 60.0
# Bytes that have to be free on the disk for a worker that had none to take orders again.
ROOM = 2**28


class GoneError(Exception):
    """The worker left the cluster meanwhile; another one carries the order out."""


@dataclass
class _Task:
    """The order at work."""

    key: str
    future: Future[CarriedOut] | None = None
    # The event is set where something has come that it waits for: files, a result, its end.
    came: threading.Event = field(default_factory=threading.Event)
    stopped: bool = False
    # What the disk said to files that came.
    fault: OSError | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What the worker says of itself."""

    step: str
    share: float
    # The share of the time since it began in which it was at work.
    busy: float


class Station:
    def __init__(
        self,
        folder: Path,
        data_dir: Path | None = None,
        *,
        gpu: bool = False,
        threads: int | None = None,
        build: Build = carry_out_order,
    ) -> None:
        self.folder = folder
        self._data_dir = data_dir
        self._gpu = gpu
        self._build = build
        self._builders = Builders(self._progress, threads=threads)
        self._change = threading.Condition()
        self._task: _Task | None = None
        # The latest order and what becomes of it; its child goes on while no scheduler is there.
        self._latest: tuple[Order, Future[CarriedOut]] | None = None
        self._begun = time.monotonic()
        self._busy_s = 0.0
        self._since: float | None = None
        self._step: tuple[str, float] = ("", 0.0)
        # This is told of each step, from any thread.
        self.tell: Callable[[Told], None] = lambda report: None

    def carry_out(
        self, key: str, request: Request, name: str, ask: Callable[[Sequence[str], str], None]
    ) -> Answer | Unfit:
        """`ask` has the controller send files, by their names, and say why. CandidateError for what its child dies of,
        OutOfMemoryError for want of memory, GoneError where the worker leaves meanwhile."""
        with self._change:
            self._task = task = _Task(key)
            self._since = time.monotonic()
        try:
            self._have([digest for digest in request.inputs if not digest.lies_in(self.folder)], task, ask, request)
            return self._answer(self._carried_out(request.order, task, ask), request, name)
        except DeviceLostError as error:
            return Unfit(name, str(error))
        except OSError as error:
            return Unfit(name, f"{error.filename or self.folder}: {error.strerror or error}")
        finally:
            with self._change:
                # Where a scheduler came back meanwhile the next one is at work already.
                over = self._task is task
                if over:
                    self._busy_s, self._since, self._task = self._busy(), None, None
            if over:
                self._progress("", 0.0)

    def _have(
        self, missing: list[Digest], task: _Task, ask: Callable[[Sequence[str], str], None], request: Request
    ) -> None:
        for digest in missing:
            # What was built from other weights is not what these give.
            if digest.name.startswith("trained/"):
                (self.folder / manifest_name(request.order.recipe, request.order.baseline)).unlink(missing_ok=True)
        self._wait_for(task, ask, "", lambda: [file.name for file in missing if not file.lies_in(self.folder)])

    def _wait_for(
        self,
        task: _Task,
        ask: Callable[[Sequence[str], str], None],
        why: str,
        missing: Callable[[], Sequence[str]],
    ) -> None:
        while names := missing():
            task.came.clear()
            self._progress("waiting for files", 0.0)
            ask(names, why)
            task.came.wait(_ASKED_AGAIN_S)
            if task.fault:
                raise task.fault
            if task.stopped:
                raise GoneError("the order was taken back")

    def _carried_out(self, order: Order, task: _Task, ask: Callable[[Sequence[str], str], None]) -> CarriedOut:
        if order.accelerator == AUTO and not self._gpu:
            # Whoever has a GPU to lend says so.
            order = replace(order, accelerator="cpu")
        while True:
            future = self._submitted(order)
            with self._change:
                task.future = future
                if task.stopped:
                    future.cancel()
            future.add_done_callback(lambda _: task.came.set())
            while not future.done() and not task.stopped:
                task.came.wait()
                task.came.clear()
            if not future.done():
                raise GoneError("the worker left the cluster")
            try:
                short = future.exception()
                if isinstance(short, OutOfMemoryError):
                    # The other workers of its machine were beside it, whom its controller knows.
                    raise short
                return built(future)
            except CancelledError as error:
                raise GoneError("the order was taken back") from error
            except MissingImagesError as error:
                self._wait_for(task, ask, str(error), partial(self._unsent, order))

    def _unsent(self, order: Order) -> list[str]:
        name = packed_name(order.images)
        return [] if (self.folder / name).is_file() else [name]

    def _submitted(self, order: Order) -> Future[CarriedOut]:
        """What its child goes on with since an earlier scheduler is the same order's future; another one is ended."""
        latest, future = self._latest or (None, None)
        if future and not future.done():
            if latest == order:
                return future
            future.cancel()
        future = self._builders.submit(self._build, order, self.folder, self._data_dir)
        self._latest = (order, future)
        return future

    def _answer(self, carried_out: CarriedOut, request: Request, name: str) -> Answer:
        sent = {digest.name: digest.sha256 for digest in request.inputs}
        files = [Artifact.of(self.folder, path) for path in carried_out.files]
        new = [file for file in files if sent.get(file.digest.name) != file.digest.sha256]
        return Answer(name, tuple(new), carried_out.built.validation)

    def take(self, key: str, files: Sequence[Artifact]) -> list[str]:
        """Files that were asked for; the names of those that are not what was sent, none of which is kept."""
        damaged, fault = [], None
        for file in files:
            try:
                file.put(self.folder)
            except DamagedError:
                damaged.append(file.digest.name)
            except OSError as error:
                fault = error
        with self._change:
            if not damaged and self._task and self._task.key == key:
                self._task.fault = fault
                self._task.came.set()
        return damaged

    def stop(self, key: str) -> None:
        """The order of this key, if it is at work: its child is ended."""
        with self._change:
            task = self._task
            if task is None or task.key != key:
                return
            task.stopped = True
            future = task.future
        task.came.set()
        if future:
            future.cancel()

    def leave(self) -> None:
        """No scheduler waits for the order at work any more; its child goes on, for whoever asks for the same."""
        with self._change:
            task = self._task
            if task:
                task.stopped = True
                task.came.set()

    def room(self) -> bool:
        return shutil.disk_usage(self.folder).free >= ROOM

    def told(self) -> Told:
        with self._change:
            age = max(time.monotonic() - self._begun, 1e-9)
            return Told(*self._step, self._busy() / age)

    def _busy(self) -> float:
        return self._busy_s + (time.monotonic() - self._since if self._since is not None else 0.0)

    def _progress(self, step: str, share: float) -> None:
        with self._change:
            self._step = (step, share)
        self.tell(self.told())

    def close(self) -> None:
        """At once; files are whole or absent."""
        self.leave()
        self._builders.close()


def made_folder(folder: Path) -> Path:
    """OSError where nothing can be written to it."""
    folder.mkdir(parents=True, exist_ok=True)
    probe = folder / f".writable.{os.getpid()}.part"
    probe.touch()
    probe.unlink()
    return folder
