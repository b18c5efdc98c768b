"""Who owns a board: one task at a time, and none that an interrupted run would wait for."""

import asyncio
import threading
from concurrent.futures import CancelledError

import pytest

from search.measuring.board_worker import Worker

HANG_S = 60


def test_what_is_cancelled_cleans_up_before_anything_else_has_its_turn() -> None:
    begun, order = threading.Event(), []

    async def measure() -> None:
        begun.set()
        try:
            await asyncio.sleep(10 * HANG_S)
        finally:
            await asyncio.sleep(0.05)
            order.append("cleaned up")

    async def close() -> None:
        order.append("closed")

    with Worker() as worker:
        measuring, waiting = worker.submit(measure), worker.submit(measure)
        begun.wait(HANG_S)
        worker.cancel()
        worker.submit(close).result(HANG_S)
        with pytest.raises(CancelledError):
            measuring.result(HANG_S)
        with pytest.raises(CancelledError):
            waiting.result(HANG_S)
    assert order == ["cleaned up", "closed"]
