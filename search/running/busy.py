"""Busy: for how much of a run something was at work, however many tasks it had at once."""

import threading
import time
from concurrent.futures import Future
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")


class Busy:
    def __init__(self) -> None:
        self._change = threading.Lock()
        self._tasks = 0
        self._since = 0.0
        self._seconds = 0.0

    @property
    def seconds(self) -> float:
        with self._change:
            return self._seconds + (time.monotonic() - self._since if self._tasks else 0.0)

    def until_done(self, task: Future[T]) -> Future[T]:
        """Counts as busy from now on until the task has ended."""
        self.__enter__()
        task.add_done_callback(self._ended)
        return task

    def __enter__(self) -> Self:
        with self._change:
            if not self._tasks:
                self._since = time.monotonic()
            self._tasks += 1
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._change:
            self._tasks -= 1
            if not self._tasks:
                self._seconds += time.monotonic() - self._since

    def _ended(self, task: Future[Any]) -> None:
        self.__exit__(None, None, None)
