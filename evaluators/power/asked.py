"""Asked: a meter that says nothing by itself: it is asked again and again, and each answer is a line."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from evaluators.errors import MeterError
from evaluators.power.stream import Opening, Stream
from evaluators.power.tcp import fault

# What gives the next answer; OSError where the meter is gone.
Ask = Callable[[], Awaitable[bytes]]


def asked(opened: Callable[[], AbstractAsyncContextManager[Ask]], period_s: float, name: str, port: int) -> Opening:
    """`opened` reaches the meter, and names its faults where it is another kind of meter."""

    @asynccontextmanager
    async def opening() -> AsyncGenerator[Stream, None]:
        try:
            async with opened() as ask:
                yield _Answers(await ask(), ask, period_s)
        except OSError as error:
            raise MeterError(f"{name}: {fault(error, port)}") from error

    return opening


class _Answers:
    """At least a period lies between an answer and the next question. A meter that is gone has ended the connection."""

    def __init__(self, first: bytes, ask: Ask, period_s: float) -> None:
        self._ask = ask
        self._period_s = period_s
        self._first: bytes | None = first
        self._answered_s = time.monotonic()

    async def read(self) -> bytes:
        if self._first is not None:
            answer, self._first = self._first, None
        else:
            await asyncio.sleep(max(self._answered_s + self._period_s - time.monotonic(), 0.0))
            try:
                answer = await self._ask()
            except OSError:
                return b""
            self._answered_s = time.monotonic()
        return b" ".join(answer.split()) + b"\n"
