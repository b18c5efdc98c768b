"""Builder: a spawned child that trains and builds; one that dies twice over a task takes that task with it alone."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import partial
from multiprocessing.connection import Connection
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from space.errors import CandidateError

P = ParamSpec("P")
T = TypeVar("T")
# Is told the step and the share of it that is done, 0 to 1.
Progress = Callable[[str, float], None]


# Times that a task is given to a child: a first death may have been another process's doing, where memory ran out; a
# second is the task's own.
_TRIES = 2


class Builder:
    """An executor of one process: `submit` takes what `concurrent.futures.Executor.submit` takes.

    The child is given one task at a time: one that it has not been given cannot be lost with it.
    """

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._queue = ThreadPoolExecutor(1, thread_name_prefix="builder")
        # Held while the pool changes, or is closed for good.
        self._change = threading.Lock()
        self._closed = False
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        receiver, self._sender = context.Pipe(duplex=False)
        self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_begin, initargs=(self._sender,))
        threading.Thread(target=self._listen, args=(receiver,), daemon=True).start()

    def _listen(self, receiver: Connection) -> None:
        with suppress(EOFError, OSError):
            while True:
                self._progress(*receiver.recv())

    def submit(self, task: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        return self._queue.submit(self._carried_out, partial(task, *args, **kwargs))

    def _carried_out(self, task: Callable[[], T]) -> T:
        """Runs in the thread of the queue, to the end of the task, with a new child after each death."""
        for _ in range(_TRIES - 1):
            try:
                return self._handed_over(task).result()
            except BrokenProcessPool:
                if self._closed:
                    raise
                self._progress("once more, as the process that built it died", 0.0)
        return self._handed_over(task).result()

    def _handed_over(self, task: Callable[[], T]) -> Future[T]:
        with self._change:
            if self._closed:
                raise BrokenProcessPool("the builder is closed")
            try:
                return self._pool.submit(task)
            except BrokenProcessPool:
                self._end()
                self._start()
                return self._pool.submit(task)

    def _end(self) -> None:
        # Only its own child: there may be another builder.
        for child in list((self._pool._processes or {}).values()):
            child.kill()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._sender.close()

    def close(self) -> None:
        """At once, whatever it is doing: files are renamed last."""
        with self._change:
            self._closed = True
            self._end()
        self._queue.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def built(future: Future[T]) -> T:
    """The result; a child that died over it, each time, is the candidate's failure."""
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise CandidateError(
            f"the process that built it died, {_TRIES} times of {_TRIES}; "
            "where the system ran out of memory, its log says so (dmesg)"
        ) from error


# What follows runs in the child.

_sender: Connection | None = None


def _begin(sender: Connection) -> None:
    global _sender
    _sender = sender
    # Ctrl-C reaches every process of the terminal; the parent decides what becomes of this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def report(step: str, share: float) -> None:
    """Progress, from the child to whoever watches in the parent."""
    if _sender is not None:
        with suppress(BrokenPipeError):
            _sender.send((step, share))
