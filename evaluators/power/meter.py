"""PowerMeter: the protocol of whatever reads electrical power; a meter does one thing."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class PowerReading:
    """The mean over the averaging interval that ends at `time_s`."""

    # The reader's monotonic clock, when the reading came in.
    time_s: float
    volts: float
    amps: float
    watts: float
    # How long the meter averaged for this reading.
    averaged_s: float


@dataclass(frozen=True, slots=True)
class MeterInfo:
    """What makes readings comparable."""

    name: str
    # Between two readings.
    period_s: float
    # The least by which two readings of power differ. 0: finer than matters.
    resolution_w: float = 0.0


class PowerMeter(Protocol):
    """Readings come in the order of their time; silence and garbage are MeterError; may be read again later."""

    @property
    def info(self) -> MeterInfo: ...

    def readings(self) -> AsyncGenerator[PowerReading, None]: ...
