"""The board's connection drops once, in each place where it is talked to: it costs a second try, no more."""

import asyncio
import sys
from typing import Any

import pytest

from tests.evaluators.cuts import (
    Talk,
    answered,
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

BOARD = [
    (reference, False, "run"),
    (reference, False, "timing"),
    (reference, True, "idle"),
    (reference, True, "working"),
    (measured, False, "run"),
    (measured, False, "sending"),
    (measured, False, "timing"),
    (measured, True, "load"),
    (measured, True, "idle"),
    (confirmed, False, "timing"),
    (confirmed, True, "working"),
    (answered, False, "timing"),
    # With a meter the course's script has one more try in all, and on a busy machine late readings may have cost it.
    (by_the_course, False, "unpacking"),
]


@pytest.mark.parametrize(("talk", "metered", "step"), BOARD, ids=names(BOARD))
@pytest.mark.whole
def test_the_boards_connection_drops_once(opened: Any, talk: Talk, metered: bool, step: str) -> None:
    drops_once(opened, talk, step, metered=metered, wire=lambda bench: bench.board_wire)


@pytest.mark.whole
def test_the_reference_between_two_candidates_survives_a_drop(opened: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    async def check() -> None:
        async with opened(False) as bench:
            await bench.examiner.open()
            try:
                first = await bench.examiner.measure(bench.subject)
                monkeypatch.setattr("evaluators.reference._AGE_S", 0.0)
                bench.knife.cutting(bench.board_wire, "timing")
                second = await bench.examiner.measure(bench.subject)
                assert bench.knife.used
                assert second.figures.reference_latency_s != first.figures.reference_latency_s
            finally:
                await bench.examiner.close()

    asyncio.run(check())


# Where what goes to the board is cut: the beginning of the handshake, its end, the look at what is there, the program.
@pytest.mark.parametrize("count", [30, 1_500, 3_500, 20_000])
def test_the_boards_connection_drops_once_while_it_is_opened(opened: Any, count: int) -> None:
    async def check() -> None:
        async with opened(True) as bench:
            bench.board_wire.cut_after(count)
            await bench.examiner.open()
            assert bench.board_wire.sent > count
            assert bench.examiner.bench.board
            await bench.examiner.close()

    asyncio.run(check())


def test_a_connection_that_is_gone_is_closed_without_a_word(opened: Any) -> None:
    async def check() -> None:
        async with opened(False) as bench:
            await bench.examiner.open()
            bench.board_wire.cut()
            await bench.examiner.close()

    asyncio.run(check())
