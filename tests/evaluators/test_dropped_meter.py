"""The meter's connection drops once, in each place where it is talked to: it costs a second try, no more."""

import asyncio
import sys
from typing import Any

import pytest

from tests.evaluators.cuts import (
    Talk,
    by_the_course,
    confirmed,
    drops_once,
    measured,
    names,
    opened,
    reference,
    subject,
    wires,
)

__all__ = ["opened", "subject", "wires"]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")

METER = [(reference, "working"), (measured, "idle"), (confirmed, "working"), (by_the_course, "working")]


@pytest.mark.parametrize(("talk", "step"), METER, ids=names(METER))
@pytest.mark.whole
def test_the_meters_connection_drops_once(opened: Any, talk: Talk, step: str) -> None:
    drops_once(opened, talk, step, metered=True, wire=lambda bench: bench.meter_wire)


def test_the_meters_connection_drops_once_while_it_is_first_heard(opened: Any) -> None:
    async def check() -> None:
        async with opened(True) as bench:
            # The meter answers as one whose other client is just leaving.
            opening = asyncio.create_task(bench.examiner.open())
            while not bench.meter_wire.connections:
                await asyncio.sleep(0.001)
            bench.meter_wire.cut()
            await opening
            assert bench.meter_wire.connections > 1
            await bench.examiner.close()

    asyncio.run(check())
