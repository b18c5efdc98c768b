"""The cluster as an executor: Dask gives each order to a worker; this has it done again where the worker is gone, sends
the files that are missing there, and takes the answer's."""

import asyncio
import threading
import time
from collections.abc import Callable, Coroutine
from concurrent.futures import CancelledError, Future
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import uuid4

from distributed import Client
from distributed.scheduler import KilledWorker

from search.building.artifacts import DamagedError, inputs
from search.building.child import OutOfMemoryError
from search.building.cluster.answers import kept
from search.building.cluster.connection import quiet_library
from search.building.cluster.dispatch import Dispatch
from search.building.cluster.errors import ClusterError
from search.building.cluster.flight import Flight
from search.building.cluster.link import Link
from search.building.cluster.messages import MOST_DAMAGED, Answer, Request, Unfit
from search.building.cluster.roster import Roster, Shown
from search.building.cluster.turns import Turns
from search.building.cluster.worker import carried_out
from search.building.futures import fail, succeed
from search.building.order import Order
from search.building.tasks import Built
from space.data.images import DataSet
from space.training.accelerator_names import AUTO

# Times that an order is given to another worker, each after Dask itself has given it to several.
_MOST_LOSSES = 20
# Seconds that a scheduler which was there, and a worker for what is on its way, are waited for.
PATIENCE_S = 600.0
# Seconds between two looks at who is there, and that workers are given to appear at first.
_LOOK_S, FIRST_S = 2.0, 20.0


class _LostError(Exception):
    """Nobody knows what became of the order: it is given out again."""


async def _result(task: Any) -> Answer | Unfit:
    """The result of a task of Dask's."""
    outcome: Answer | Unfit = await task
    return outcome


class ClusterExecutor:
    """The workers of a cluster carry orders out; a thread of its own talks to the scheduler. `places`: how many orders
    are out at once; None: as many as there are workers when it is opened. `accelerator`: what the orders are to be
    trained on."""

    alike = False

    def __init__(
        self,
        address: str,
        folder: Path,
        images: DataSet,
        shown: Shown,
        say: Callable[[str], None],
        places: int | None = None,
        accelerator: str = AUTO,
        patience_s: float = PATIENCE_S,
        first_s: float = FIRST_S,
    ) -> None:
        quiet_library()
        self._address, self._folder, self._images = address, folder, images
        self._shown, self._say = shown, say
        self._roster = Roster(address, accelerator, shown, say, patience_s)
        self._link = Link(address, patience_s, say, self._told, self._roster.forget)
        self._turns = Turns(folder)
        self._flights: dict[str, Flight] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        # Orders that are with Dask, those that are to be with it alone, and whoever waits to give it another.
        self._out = self._alone = 0
        self._room = asyncio.Condition()
        self._dispatch = Dispatch(folder, images, say)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="cluster", daemon=True)
        self._thread.start()
        try:
            self._run(self._open(places, first_s))
        except BaseException:
            self.close()
            raise
        self._places = places or len(self._roster.usable)

    @property
    def places(self) -> int:
        return self._places

    def submit(self, order: Order) -> Future[Built]:
        future: Future[Built] = Future()
        asyncio.run_coroutine_threadsafe(self._begin(order, future), self._loop)
        return future

    def close(self) -> None:
        if self._loop.is_running():
            self._run(self._close())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _run(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result()

    # What follows runs in the thread of the loop.

    async def _open(self, places: int | None, first_s: float) -> None:
        client = await self._link.open()
        end = time.monotonic() + first_s
        while True:
            await self._look(client)
            # Who was told how many there will be waits for them with its first order.
            if self._roster.usable or places is not None or time.monotonic() > end:
                break
            await asyncio.sleep(0.2)
        if not self._roster.usable and places is None:
            raise ClusterError(
                f"{self._address}: no worker there that this run can use; next, where it is to train: "
                f"{self._roster.start_command}"
            )
        self._go_on(self._keep_looking())

    def _go_on(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._link.leave()

    # Who is there.

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            try:
                await self._look(await self._link.reached())
            except OSError:
                continue
            except Exception as error:
                self._fail(error)
                return

    async def _look(self, client: Client) -> None:
        others = await self._roster.look(client)
        async with self._room:
            self._room.notify_all()
        await self._roster.look_at(client, others)
        if error := self._roster.missing(wanted=bool(self._flights)):
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        self._link.fault = error
        for flight in self._flights.values():
            flight.end(error)

    # What workers tell.

    def _told(self, event: tuple[float, Any]) -> None:
        _, words = event
        if words["kind"] == "doing" and words["address"] in self._roster.usable:
            self._shown.worker(words["name"], words["step"], words["share"], words["busy"])
        elif words["kind"] == "missing":
            flight = self._flights.get(words["key"])
            client = self._link.client
            if client and flight and words["name"] not in flight.sending:
                self._go_on(self._dispatch.send(client, flight, words["key"], words))

    # An order, from its submission to its end.

    async def _begin(self, order: Order, future: Future[Built]) -> None:
        task = self._go_on(self._settle(order, future))
        future.add_done_callback(
            lambda done: self._loop.call_soon_threadsafe(task.cancel) if done.cancelled() else None
        )

    async def _settle(self, order: Order, future: Future[Built]) -> None:
        try:
            async with self._turns.of(order):
                result = await self._built(order)
        except asyncio.CancelledError:
            future.cancel()
            future.set_running_or_notify_cancel()
            raise
        except BaseException as error:
            fail(future, error)
        else:
            succeed(future, result)

    async def _built(self, order: Order) -> Built:
        flight = Flight(order)
        losses = damaged = 0
        alone = False
        while losses <= _MOST_LOSSES:
            try:
                outcome = await self._given_out(flight, alone)
                if isinstance(outcome, Answer):
                    return await asyncio.to_thread(kept, order, outcome, self._folder)
                self._say(f"worker {outcome.worker}: {outcome.why}; another one is given {order.recipe.id}")
                losses += 1
            except _LostError:
                losses += 1
            except DamagedError as error:
                damaged += 1
                self._say(f"{order.recipe.id}: {error}; nothing of it was kept")
                if damaged == MOST_DAMAGED:
                    raise ClusterError(f"{order.recipe.id}: {error}, {damaged} times of {damaged}") from error
            except OutOfMemoryError as error:
                if alone:
                    raise
                # Nobody knows here which workers share a machine.
                alone = True
                self._say(f"{order.recipe.id}: {error}; tried once more with no other order of this run at work")
            finally:
                self._flights.pop(flight.key, None)
        raise ClusterError(
            f"{order.recipe.id}: {losses} times its workers were gone before it was done, whatever the recipe; what "
            "has ended is kept, the same command goes on"
        )

    async def _given_out(self, flight: Flight, alone: bool) -> Answer | Unfit:
        """No more orders are out than there are workers: what waits for a busy one would not be another's that is idle
        before it."""
        self._alone += alone
        out = False
        try:
            async with self._room:
                await self._room.wait_for(self._empty if alone else self._has_room)
                self._out += 1
                out = True
            return await self._asked(flight)
        finally:
            self._alone -= alone
            async with self._room:
                self._out -= out
                self._room.notify_all()

    def _empty(self) -> bool:
        return self._out == 0

    def _has_room(self) -> bool:
        return not self._alone and (self._empty() or self._out < len(self._roster.usable))

    async def _asked(self, flight: Flight) -> Answer | Unfit:
        client = await self._link.reached()
        files = await asyncio.to_thread(inputs, flight.order, self._folder, self._images)
        flight.key = f"build-{flight.order.recipe.id}-{uuid4().hex[:8]}"
        self._flights[flight.key] = flight
        if self._link.fault:
            raise self._link.fault
        request = Request(flight.order, tuple(files))
        task = client.submit(carried_out, request, key=flight.key, pure=False, resources=self._roster.resources)
        waiting = asyncio.ensure_future(_result(task))
        flight.wake = waiting.cancel
        try:
            return await waiting
        except (asyncio.CancelledError, CancelledError) as error:
            if flight.fault:
                raise flight.fault from None
            current = asyncio.current_task()
            if current is not None and current.cancelling():
                raise
            raise _LostError from error
        except (KilledWorker, OSError, TimeoutError) as error:
            raise _LostError from error
        finally:
            waiting.cancel()
            if task.status == "pending" and client.status == "running":
                # That ends the task where it runs.
                await asyncio.shield(client.cancel([task], force=True))
            task.release()
