"""Builders: children that train and build side by side, behind one `submit`; what kills its child twice fails alone,
and where memory does not hold so many at once there are fewer from then on."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from functools import partial
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

from search.building.child import Child, OutOfMemoryError, Progress
from search.building.futures import fail, succeed
from space.errors import CandidateError, DeviceLostError

P = ParamSpec("P")
T = TypeVar("T")

# Times that a task is given to a child: a first death may have been another process's doing, where memory ran out; a
# second is the task's own.
_TRIES = 2


def _quiet(text: str) -> None:
    return None


class Builders:
    """An executor of one process for each progress that it is given: `submit` takes what
    `concurrent.futures.Executor.submit` takes. A task goes to the first child that is idle."""

    def __init__(self, *progress: Progress, threads: int | None = None, say: Callable[[str], None] = _quiet) -> None:
        """`threads`: how many torch takes in each child; None leaves it to torch."""
        self._children = [Child(shown, threads) for shown in progress]
        self._say = say
        self._queue = ThreadPoolExecutor(len(self._children), thread_name_prefix="builder")
        # Notified when a child becomes idle, or all are closed.
        self._change = threading.Condition()
        self._idle = list(self._children)
        # The children that memory does not hold beside the others.
        self._shut: set[Child] = set()
        self._closed = False

    @property
    def count(self) -> int:
        return len(self._children)

    def submit(self, task: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """The future can be cancelled until it is done: its child is ended then, and the next task has a new one."""
        future: Future[T] = Future()
        waiting = self._queue.submit(self._settle, future, partial(task, *args, **kwargs))
        # What was still waiting when all were closed is told, as `wait` looks at it.
        waiting.add_done_callback(lambda _: _told_if_cancelled(future, waiting))
        return future

    def _settle(self, future: Future[T], task: Callable[[], T]) -> None:
        """Runs in a thread of the queue, to the end of the task."""
        try:
            result = self._carried_out(future, task)
        except BaseException as error:
            fail(future, error)
        else:
            succeed(future, result)

    def _carried_out(self, future: Future[T], task: Callable[[], T]) -> T:
        """Carries the task out, with another child where memory failed this one."""
        while not future.cancelled():
            with self._idle_child() as child:
                try:
                    return self._tried(child, future, task)
                except OutOfMemoryError as error:
                    if not self._shuts(child, error):
                        raise
        raise CancelledError

    def _tried(self, child: Child, future: Future[T], task: Callable[[], T]) -> T:
        """Tries the task, with a new process after each death, and after each loss of what trains."""
        assignment = _Given(child)
        future.add_done_callback(assignment.end_if_cancelled)
        try:
            return self._tried_by(child, future, task)
        finally:
            assignment.over()

    def _tried_by(self, child: Child, future: Future[T], task: Callable[[], T]) -> T:
        for _ in range(_TRIES - 1):
            try:
                return child.run(task)
            except BrokenProcessPool:
                if self._closed or future.cancelled():
                    raise
                child.progress("once more, as the process that built it died", 0.0)
            except DeviceLostError as error:
                child.progress(f"once more, by another process: {error}", 0.0)
        return child.run(task)

    @contextmanager
    def _idle_child(self) -> Iterator[Child]:
        """The first one; it waits for one."""
        with self._change:
            self._change.wait_for(lambda: self._idle or self._closed)
            if self._closed:
                raise BrokenProcessPool("the builders are closed")
            child = self._idle.pop(0)
        try:
            yield child
        finally:
            with self._change:
                if child not in self._shut:
                    self._idle = sorted([*self._idle, child], key=self._children.index)
                self._change.notify()

    def _shuts(self, child: Child, error: OutOfMemoryError) -> bool:
        """Closes this one for good; False for the last one, which has all there is to itself."""
        count = len(self._children)
        with self._change:
            left = count - len(self._shut) - 1
            if left == 0 or self._closed:
                return False
            self._shut.add(child)
        child.close()
        child.progress("closed, for want of memory", 0.0)
        number = self._children.index(child) + 1
        self._say(
            f"builder {number} of {count} closed: {error}; {left} at once from now on, and its task is tried again"
        )
        return True

    def close(self) -> None:
        """At once, whatever they are doing."""
        with self._change:
            self._closed = True
            self._change.notify_all()
        for child in self._children:
            child.close()
        self._queue.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class _Given:
    """A task in the hands of a child, which is ended with it where somebody cancels the task."""

    def __init__(self, child: Child) -> None:
        self._child: Child | None = child
        self._change = threading.Lock()

    def end_if_cancelled(self, future: Future[Any]) -> None:
        if future.cancelled():
            with self._change:
                if self._child:
                    self._child.end_task()

    def over(self) -> None:
        """The child may be another task's from now on."""
        with self._change:
            self._child = None


def _told_if_cancelled(future: Future[Any], waiting: Future[None]) -> None:
    if waiting.cancelled() and (future.cancel() or future.cancelled()):
        future.set_running_or_notify_cancel()


def built(future: Future[T]) -> T:
    """The result; a child that died over it, each time, is the candidate's failure, and so is memory that does not do
    for one alone. What trains may be lost, which is the run's."""
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise CandidateError(
            f"the process that built it died, {_TRIES} times of {_TRIES}; "
            "where the system ran out of memory, its log says so (dmesg)"
        ) from error
    except OutOfMemoryError as error:
        raise CandidateError(f"with nothing else beside it, {error}") from error
    except DeviceLostError as error:
        raise DeviceLostError(
            f"{error} ({_TRIES} times of {_TRIES}, in two processes); the system's log may say why (dmesg); the same "
            "command goes on where this one ended, on the processor with --accelerator cpu"
        ) from error
