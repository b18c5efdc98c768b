"""PowerMeter: the protocol of whatever reads electrical power; a meter does one thing."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Protocol

from evaluators.provenance import Kind, Provenance


@dataclass(frozen=True, slots=True)
class PowerReading:
    """The mean over the averaging interval that ends at `time_s`."""

    # The reader's monotonic clock, when the reading was made or, from a meter without a clock, came in: then it is late
    # by less than half a period.
    time_s: float
    # Volts and amps are not a number where the meter does not tell them.
    volts: float
    amps: float
    watts: float
    # How long the meter averaged for this reading.
    averaged_s: float


@dataclass(frozen=True, slots=True)
class MeterInfo:
    """What makes readings comparable."""

    # Kind and place: `SmartPower2 at 192.168.4.1`.
    name: str
    # The time between two readings; zero as long as nobody knows, before the first reading of some kinds.
    period_s: float
    # Each reading is the mean over this time; the rest of the period is never seen.
    averaged_s: float = 0.0
    # Whose power it is: that of the whole board, or of the processor's package alone.
    measures: str = "board"
    # What else must be known to read the figures: a fit, a choice of voltage.
    note: str = ""
    # Reading it takes the board's own time: not while latency is timed.
    disturbs: bool = False
    # The least by which two readings of power differ. 0: finer than matters.
    resolution_w: float = 0.0
    # The most from the end of an averaging interval to the reading's time: Wi-Fi, converters, our own event loop.
    link_s: float = 0.1

    @property
    def identity(self) -> str:
        """What stays the same from run to run: a period that is learned does not."""
        return f"{self.name}: {self.measures}" + (f", {self.note}" if self.note else "")

    @property
    def title(self) -> str:
        parts = [f"{self.name}: {self.measures}"]
        if self.period_s:
            parts.append(f"every {self.period_s:.3g} s")
        if self.averaged_s:
            parts.append(f"mean over {self.averaged_s:g} s")
        if self.note:
            parts.append(self.note)
        if self.disturbs:
            parts.append("must not run while latency is timed")
        return ", ".join(parts)

    @property
    def provenance(self) -> Provenance:
        note = f", {self.note}" if self.note else ""
        return Provenance(Kind.MEASURED, f"{self.name}, {self.measures}{note}")


class PowerMeter(Protocol):
    """Readings come in the order of their time; silence and garbage are MeterError; may be read again later.

    The first reading opens whatever there is to open; closing the generator closes it (`contextlib.aclosing`).
    Whoever reads goes on reading: what has waited too long is no reading any more.
    """

    @property
    def info(self) -> MeterInfo:
        """The meter as it was heard last, where firmwares differ."""
        ...

    def readings(self) -> AsyncGenerator[PowerReading, None]: ...
