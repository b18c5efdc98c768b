"""Builder: a spawned child that trains and builds; one that dies takes one candidate with it, not the study."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import Connection
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from space.errors import CandidateError

P = ParamSpec("P")
T = TypeVar("T")
# Told the step and the share of it done, 0 to 1.
Progress = Callable[[str, float], None]


class Builder:
    """An executor of one process: `submit` takes what `concurrent.futures.Executor.submit` takes."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
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
        try:
            return self._pool.submit(task, *args, **kwargs)
        except BrokenProcessPool:
            # The child died over the last candidate; this one gets a new child.
            self.close()
            self._start()
            return self._pool.submit(task, *args, **kwargs)

    def close(self) -> None:
        """At once, whatever it is doing: files are renamed last."""
        # Its own child alone: there may be another builder.
        for child in list((self._pool._processes or {}).values()):
            child.kill()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._sender.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def built(future: Future[T]) -> T:
    """The result; a child that died is the candidate's failure."""
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise CandidateError(
            "the process that built it died; where the system ran out of memory, its log says so (dmesg)"
        ) from error


# In the child.

_sender: Connection | None = None


def _begin(sender: Connection) -> None:
    global _sender
    _sender = sender
    # Ctrl-C reaches every process of the terminal; the parent decides what becomes of us.
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
