"""A meter in this process, for the tests that want one."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Iterable
from dataclasses import dataclass, field

from evaluators.power.meter import MeterInfo, PowerReading

VOLTS = 5.0


def reading(time_s: float, watts: float, averaged_s: float = 0.264) -> PowerReading:
    return PowerReading(time_s, VOLTS, watts / VOLTS, watts, averaged_s)


@dataclass
class LiveMeter:
    """Reads in real time what `watts` says of each moment; each reading averages over its whole period.

    It has a clock of its own: a busy machine hands its readings over late, and they are dated as they were made.
    """

    watts: Callable[[float], float]
    period_s: float = 0.01
    # After so many readings it stops, or says nothing more.
    stops_after: int | None = None
    stalls_after: int | None = None
    open: int = field(default=0, init=False)

    @property
    def info(self) -> MeterInfo:
        return MeterInfo("bench meter", self.period_s)

    async def readings(self) -> AsyncGenerator[PowerReading, None]:
        self.open += 1
        try:
            count, due_s = 0, time.monotonic()
            while count != self.stops_after:
                due_s += self.period_s
                await asyncio.sleep(3600 if count == self.stalls_after else max(due_s - time.monotonic(), 0))
                yield reading(due_s, self.watts(due_s), self.period_s)
                count += 1
        finally:
            self.open -= 1


@dataclass(frozen=True)
class ScriptedMeter:
    """Says all of this, as quickly as it is read, then nothing more."""

    script: Iterable[PowerReading]
    period_s: float = 1.0

    @property
    def info(self) -> MeterInfo:
        return MeterInfo("bench meter", self.period_s)

    async def readings(self) -> AsyncGenerator[PowerReading, None]:
        for power in self.script:
            yield power
        await asyncio.sleep(3600)
