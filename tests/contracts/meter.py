"""What every PowerMeter owes its caller.

A test module of a kind of meter inherits it and has a fixture `meter`: opens one, whose other end takes `WATTS` watts.
"""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, aclosing
from itertools import pairwise
from pathlib import Path

import pytest

from evaluators.power.meter import MeterInfo, PowerMeter, PowerReading
from evaluators.provenance import Kind

OpenMeter = Callable[[], AbstractAsyncContextManager[PowerMeter]]
WATTS = 3.42
# A kind that never answers fails, it does not hang.
LIMIT_S = 60.0


async def first(meter: PowerMeter, count: int) -> list[PowerReading]:
    found: list[PowerReading] = []
    async with asyncio.timeout(LIMIT_S), aclosing(meter.readings()) as readings:
        async for reading in readings:
            found.append(reading)
            if len(found) == count:
                break
    return found


def readings_of(opened: AbstractAsyncContextManager[PowerMeter], count: int = 3) -> list[PowerReading]:
    async def read() -> list[PowerReading]:
        async with opened as meter:
            return await first(meter, count)

    return asyncio.run(read())


class MeterContract:
    # False where times are those of a recording.
    live = True
    # Relative, of the watts.
    tolerance = 0.01

    @pytest.fixture
    def meter(self) -> OpenMeter:
        raise NotImplementedError

    def test_its_watts_are_those_of_the_board(self, meter: OpenMeter) -> None:
        for reading in readings_of(meter()):
            assert reading.watts == pytest.approx(WATTS, rel=self.tolerance)

    def test_watts_are_volts_times_amps_where_it_tells_them(self, meter: OpenMeter) -> None:
        for reading in readings_of(meter()):
            if reading.volts * reading.amps == reading.volts * reading.amps:
                assert reading.watts == pytest.approx(reading.volts * reading.amps, rel=0.02)

    def test_readings_come_in_the_order_of_their_time(self, meter: OpenMeter) -> None:
        assert all(a.time_s < b.time_s for a, b in pairwise(readings_of(meter(), 4)))

    def test_times_are_those_of_the_readers_clock(self, meter: OpenMeter) -> None:
        if not self.live:
            pytest.skip("a recording has times of its own")
        begin_s = time.monotonic()
        found = readings_of(meter())
        assert all(begin_s - 0.1 <= reading.time_s <= time.monotonic() for reading in found)

    def test_it_says_what_it_is_and_what_it_measures(self, meter: OpenMeter) -> None:
        async def read() -> tuple[MeterInfo, PowerReading]:
            async with meter() as opened:
                (reading,) = await first(opened, 1)
                return opened.info, reading

        info, reading = asyncio.run(read())
        assert info.name
        assert info.period_s > 0
        assert reading.averaged_s >= 0
        assert info.measures in info.title
        assert info.provenance.kind is Kind.MEASURED

    def test_it_may_be_read_again(self, meter: OpenMeter) -> None:
        async def twice() -> list[PowerReading]:
            async with meter() as opened:
                return [*await first(opened, 1), *await first(opened, 1)]

        one, two = asyncio.run(twice())
        assert one.watts == pytest.approx(two.watts, rel=2 * self.tolerance)

    def test_it_leaves_nothing_open(self, meter: OpenMeter) -> None:
        def descriptors() -> int:
            return len(list(Path("/proc/self/fd").iterdir()))

        async def read() -> tuple[int, int]:
            async with meter() as opened:
                await first(opened, 1)
                before = descriptors()
                await first(opened, 2)
                await asyncio.sleep(0.05)
                return before, descriptors()

        before, after = asyncio.run(read())
        assert after <= before
