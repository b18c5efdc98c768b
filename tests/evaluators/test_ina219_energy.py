"""The set-up of a published study: an INA219 that an Arduino reads each half second, and a board at work.

The Arduino is a pseudo-terminal that speaks as Adafruit's sketch does; the board is a real ssh server on the loopback.
"""

import asyncio
import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from evaluators.device.device import Task
from evaluators.metered import Metered, load_task, metered
from evaluators.power.energy import LEAST_WINDOW_S
from evaluators.power.ina219_serial import ina219_serial
from evaluators.power.meter import MeterInfo
from tests.evaluators.device.sshd import Board
from tests.evaluators.power.simulated import Script, getcurrent, serial_meter

pytestmark = pytest.mark.whole

PERIOD_S = 0.5
IDLE_W, ACTIVE_W = 3.0, 5.0
# Watts that the load takes more in each second: the way from readings to energy matters only where they change.
RISE_W = 0.05
BUS_V, SHUNT_OHM = 5.0, 0.1


@dataclass
class Arduino:
    """Prints what the chip reads of a load that it is told of."""

    working_since_s: float | None = None
    lines: list[float] = field(default_factory=list)

    def watch(self, what: str, share: float) -> None:
        if what == "working" and self.working_since_s is None:
            self.working_since_s = time.monotonic()
        if what != "working" and self.working_since_s is not None and self.watts() > IDLE_W:
            self.working_since_s = math.inf

    def watts(self) -> float:
        if self.working_since_s is None or self.working_since_s == math.inf:
            return IDLE_W
        return ACTIVE_W + RISE_W * (time.monotonic() - self.working_since_s)

    def script(self) -> Script:
        yield b"Hello!\r\nMeasuring voltage and current with INA219 ...\r\n"
        yield from self._readings()

    def _readings(self) -> Iterator[bytes | float]:
        while True:
            watts = self.watts()
            # (bus + shunt x current) x current = watts.
            amps = (math.sqrt(BUS_V**2 + 4 * SHUNT_OHM * watts) - BUS_V) / (2 * SHUNT_OHM)
            yield getcurrent(BUS_V, 1e3 * SHUNT_OHM * amps, 1e3 * amps)
            yield PERIOD_S


def test_the_energy_of_a_known_load_comes_out_by_windows_and_by_the_trapezoid(quick: Task, board: Board) -> None:
    arduino = Arduino()

    async def once(port: Path) -> Metered:
        meter = ina219_serial(f"{port}?period={PERIOD_S}")
        load = replace(load_task(quick, MeterInfo("INA219", PERIOD_S)), idle_s=2.5, active_s=LEAST_WINDOW_S + 3)
        async with board.device() as device:
            return await metered(device, meter, load, arduino.watch)

    async def beside() -> Metered:
        async with serial_meter(arduino.script) as port:
            return await once(port)

    result = asyncio.run(beside())
    length_s = result.load.active.length_s
    known_j = (ACTIVE_W + RISE_W * length_s / 2) * length_s / result.load.inferences
    assert result.energy.total_j == pytest.approx(known_j, rel=0.01)
    assert result.energy.integrated_j == pytest.approx(known_j, rel=0.01)
    assert result.energy.idle_w == pytest.approx(IDLE_W, rel=0.01)
