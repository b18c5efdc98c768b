"""The meter's connection drops once, in each place where it is talked to: it costs a second try, no more."""

import asyncio
import sys
from typing import Any

import pytest

from tests.evaluators.cuts import Talk, by_the_course, confirmed, measured, names, opened, reference, subject, wires

__all__ = ["opened", "subject", "wires"]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

METER = [(reference, "working"), (measured, "idle"), (confirmed, "working"), (by_the_course, "working")]


@pytest.mark.parametrize(("talk", "step"), METER, ids=names(METER))
def test_the_meters_connection_drops_once(opened: Any, talk: Talk, step: str) -> None:
    async def check() -> None:
        async with opened(True) as bench:
            await bench.examiner.open()
            try:
                if talk is not reference:
                    await bench.examiner.measure_reference()
                bench.knife.cutting(bench.meter_wire, step)
                assert await talk(bench)
                assert bench.knife.used
            finally:
                await bench.examiner.close()

    asyncio.run(check())


def test_the_meters_connection_drops_once_while_it_is_first_heard(opened: Any) -> None:
    async def check() -> None:
        async with opened(True) as bench:
            # As a meter does whose other client is just leaving.
            opening = asyncio.create_task(bench.examiner.open())
            while not bench.meter_wire.connections:
                await asyncio.sleep(0.001)
            bench.meter_wire.cut()
            await opening
            assert bench.meter_wire.connections > 1
            await bench.examiner.close()

    asyncio.run(check())
