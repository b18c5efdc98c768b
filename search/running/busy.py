"""Busy: for how much of a run something was at work, however many tasks waited for it."""

import threading
import time
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")


class Busy:
    def __init__(self, places: int = 1) -> None:
        """`places`: how many tasks it can be at work on at once; the seconds of each are counted."""
        self.places = places
        self._change = threading.Lock()
        self._tasks = 0
        self._since = 0.0
        self._seconds = 0.0

    @property
    def seconds(self) -> float:
        with self._change:
            self._count()
            return self._seconds

    def share(self, seconds: float, before_s: float = 0.0) -> float:
        """The share that was used of so many seconds of all its places; `before_s` of its own were before them."""
        return (self.seconds - before_s) / (seconds * self.places)

    def _count(self) -> None:
        """Up to now; nothing is asked of the clock while nothing is at work."""
        if self._tasks:
            before, self._since = self._since, time.monotonic()
            self._seconds += (self._since - before) * min(self._tasks, self.places)

    def until_done(self, task: Future[T]) -> Future[T]:
        """Counts as busy from now on until the task has ended."""
        self.__enter__()
        task.add_done_callback(self._ended)
        return task

    def __enter__(self) -> Self:
        with self._change:
            if self._tasks:
                self._count()
            else:
                self._since = time.monotonic()
            self._tasks += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._change:
            self._count()
            self._tasks -= 1

    def _ended(self, task: Future[Any]) -> None:
        self.__exit__(None, None, None)
