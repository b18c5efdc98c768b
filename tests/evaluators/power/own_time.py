"""Time that passes only while nothing happens: meters on real sockets and ports, and yet nothing hangs on this machine.

An event loop that has nothing to do until some moment does not wait for it: its clock goes there. What is on its way
through the kernel comes in first.
"""

import asyncio
import selectors
import time
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import pytest

T = TypeVar("T")

# A wait in real time: what was sent on the loopback or a pseudo-terminal has arrived long before.
ARRIVED_S = 0.002


class Clock:
    """What `time.monotonic` tells."""

    def __init__(self) -> None:
        self.now_s = time.monotonic()
        # They are told whenever time has passed.
        self.watchers: list[Callable[[], None]] = []

    def __call__(self) -> float:
        return self.now_s

    def pass_by(self, seconds: float) -> None:
        self.now_s += seconds
        for watcher in self.watchers:
            watcher()


class Selector(selectors.DefaultSelector):  # type: ignore[misc, valid-type]
    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[Any]:
        ready: list[Any] = super().select(timeout if timeout is None or timeout <= 0 else ARRIVED_S)
        if not ready and timeout is not None and timeout > 0:
            self._clock.pass_by(timeout)
        return ready


@pytest.fixture
def own_time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock for tests of one thread and of no other processes, which live in real time."""
    clock = Clock()

    def run(main: Coroutine[Any, Any, T]) -> T:
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(Selector(clock))) as runner:
            return runner.run(main)

    monkeypatch.setattr(time, "monotonic", clock)
    monkeypatch.setattr(asyncio, "run", run)
    return clock
