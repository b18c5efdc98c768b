"""Child: a spawned process that trains and builds, one task at a time; what it tells of its errors needs no torch."""

import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import TypeVar

from space.errors import NO_MEMORY, CandidateError, DeviceLostError
from space.threads import at_most

T = TypeVar("T")
# How its process begins: from nothing, as a copy of one with threads may hang.
START = "spawn"
# A progress is told the step and the share of it that is done, 0 to 1.
Progress = Callable[[str, float], None]


class OutOfMemoryError(Exception):
    """The machine's memory, or that of what trains, does not hold this task beside the others."""


class Child:
    """A builder's process, which starts with its first task, and anew with the first one after a death: a task that it
    has not been given cannot be lost with it."""

    def __init__(self, progress: Progress, threads: int | None = None) -> None:
        self.progress = progress
        self._threads = threads
        # The lock is held while the process changes, or is ended for good.
        self._change = threading.Lock()
        self._closed = False
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context(START)
        receiver, self._sender = context.Pipe(duplex=False)
        arguments = (self._sender, self._threads)
        self._pool = ProcessPoolExecutor(1, mp_context=context, initializer=_begin, initargs=arguments)
        threading.Thread(target=self._listen, args=(receiver,), daemon=True).start()

    def _listen(self, receiver: Connection) -> None:
        with suppress(EOFError, OSError):
            while True:
                self.progress(*receiver.recv())

    def run(self, task: Callable[[], T]) -> T:
        """Waits for the result; BrokenProcessPool where the process dies over it."""
        try:
            return self._handed_over(task).result()
        except DeviceLostError:
            # This process will not see it again.
            self._begin_anew()
            raise

    def _handed_over(self, task: Callable[[], T]) -> Future[T]:
        with self._change:
            if self._closed:
                raise BrokenProcessPool("the builder is closed")
            try:
                return self._pool.submit(_carried_out, task)
            except BrokenProcessPool:
                self._end()
                self._start()
                return self._pool.submit(_carried_out, task)

    def _begin_anew(self) -> None:
        with self._change:
            if not self._closed:
                self._end()
                self._start()

    def end_task(self) -> None:
        """Whatever it is doing: who waits for it sees its process die."""
        with self._change:
            if not self._closed:
                self._kill()

    def close(self) -> None:
        """At once, whatever it is doing: files are renamed last."""
        with self._change:
            self._closed = True
            self._end()

    def _kill(self) -> None:
        # Only its own process: there may be other children.
        for process in list((self._pool._processes or {}).values()):
            process.kill()

    def _end(self) -> None:
        self._kill()
        self._pool.shutdown(wait=True, cancel_futures=True)
        self._sender.close()


# What follows runs in the child.

# Enough to say how much was asked for, and how much there is.
_LETTERS = 160
_sender: Connection | None = None


def _begin(sender: Connection, threads: int | None) -> None:
    global _sender
    _sender = sender
    if threads is not None:
        at_most(threads)
    # Ctrl-C reaches every process of the terminal; the parent decides what becomes of this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_with_parent, daemon=True).start()


def end_with_parent() -> None:
    """Runs in a thread of a process that has no use without the one that started it."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(1)


def _carried_out(task: Callable[[], T]) -> T:
    try:
        return task()
    except Exception as error:
        _let_go(error)
        if not isinstance(error, MemoryError | RuntimeError | CandidateError) or not _for_want_of_memory(error):
            raise
        # An error of torch's own class would have torch loaded by whoever reads it.
        raise OutOfMemoryError(_first_words(error)) from None
    finally:
        # The child is idle; that is said here, as nothing that it has told before may come after it.
        report("", 0.0)


def _let_go(error: BaseException | None) -> None:
    """Frees what a task had in hand when it failed. The executor keeps its last error, and an error keeps those that it
    was raised over: in their frames are a network and a batch, whose memory the next task would lack."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__


def _for_want_of_memory(error: BaseException | None) -> bool:
    """Whether it is that, or was raised over it, as by a training that gave up."""
    if error is None:
        return False
    torch = sys.modules.get("torch")
    if isinstance(error, MemoryError) or (torch and isinstance(error, torch.OutOfMemoryError)):
        return True
    by_text = isinstance(error, RuntimeError) and any(text in str(error) for text in NO_MEMORY)
    return by_text or _for_want_of_memory(error.__cause__ or error.__context__)


def _first_words(error: Exception) -> str:
    """CUDA's allocator goes on about its settings."""
    text = " ".join(str(error).split())
    return text if len(text) <= _LETTERS else f"{text[:_LETTERS]} ..."


def report(step: str, share: float) -> None:
    """Progress, from the child to whoever watches in the parent."""
    if _sender is not None:
        with suppress(BrokenPipeError):
            _sender.send((step, share))
