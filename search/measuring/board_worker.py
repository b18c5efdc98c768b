"""Board worker: a thread with an event loop of its own that owns a board for the length of a run."""

import asyncio
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class Worker:
    """Takes coroutine functions as an executor takes functions; one at a time, in order."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._turn = asyncio.Lock()
        # What was submitted and has not ended.
        self._submitted: set[Future[Any]] = set()
        self._thread = threading.Thread(target=self._loop.run_forever, name="board", daemon=True)

    def submit(self, task: Callable[P, Coroutine[Any, Any, T]], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        async def in_turn() -> T:
            async with self._turn:
                return await task(*args, **kwargs)

        result = asyncio.run_coroutine_threadsafe(in_turn(), self._loop)
        self._submitted.add(result)
        result.add_done_callback(self._submitted.discard)
        return result

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    def cancel(self) -> None:
        """What runs and what waits, so that an interrupted run does not wait for a measurement of minutes. What runs
        cleans up by itself, and keeps its turn until it has."""
        for result in list(self._submitted):
            result.cancel()

    async def _end(self) -> None:
        """Cancels what runs, and waits until it has cleaned up."""
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
