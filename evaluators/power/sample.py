"""Sample: what one line of a meter says, within what is possible at all."""

import math
from dataclasses import dataclass

# These are above what any meter here can take: an INA226 36 V, a SmartPower3 20 V and 3 A a channel.
MAX_VOLTS = 40.0
MAX_AMPS = 20.0
MAX_WATTS = 400.0
# Watts are volts x amps up to rounding and to registers that are read one after the other; else digits were lost.
UNEXPLAINED = 0.05
UNEXPLAINED_W = 0.05


class GarbageError(ValueError):
    """A line that is no reading, though it should be one."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Volts and amps are not a number where the meter does not tell them."""

    volts: float
    amps: float
    watts: float
    # The time by the meter's own clock.
    meter_s: float | None = None

    def same_figures(self, other: "Sample") -> bool:
        return all(
            a == b or (math.isnan(a) and math.isnan(b))
            for a, b in ((self.watts, other.watts), (self.volts, other.volts), (self.amps, other.amps))
        )


def sample(
    volts: float = math.nan, amps: float = math.nan, watts: float = math.nan, meter_s: float | None = None
) -> Sample:
    """A checked sample, or GarbageError. Watts are worked out where they are not told."""
    for value, most, unit in ((volts, MAX_VOLTS, "V"), (amps, MAX_AMPS, "A"), (watts, MAX_WATTS, "W")):
        if not math.isnan(value) and not 0 <= value <= most:
            raise GarbageError(f"{value:g} {unit} is out of range (0 to {most:g})")
    explained = volts * amps
    if math.isnan(watts):
        watts = explained
    elif abs(watts - explained) > UNEXPLAINED * max(watts, explained) + UNEXPLAINED_W:
        raise GarbageError(f"{volts:g} V x {amps:g} A is not {watts:g} W")
    if math.isnan(watts):
        raise GarbageError("no power in it")
    return Sample(volts, amps, watts, meter_s)
