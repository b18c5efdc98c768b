"""Limits on what a meter sends, whatever its kind."""

import asyncio
import tracemalloc
from contextlib import asynccontextmanager

import pytest

from evaluators.errors import MeterError
from evaluators.power.command import Output
from evaluators.power.lines import Limits, LineMeter
from tests.contracts.meter import first


class Flood:
    """A stream of as much as one reads, without an end of line."""

    async def read(self) -> bytes:
        await asyncio.sleep(0)
        return b"x" * 65536


@asynccontextmanager
async def flood():
    yield Flood()


def test_a_flood_without_an_end_of_line_takes_no_memory() -> None:
    meter = LineMeter(flood, lambda: Output("flood"), Limits(silence_s=0.3))
    tracemalloc.start()
    try:
        with pytest.raises(MeterError, match=r"0\.3 s"):
            asyncio.run(first(meter, 1))
        assert tracemalloc.get_traced_memory()[1] < 2e6
    finally:
        tracemalloc.stop()
