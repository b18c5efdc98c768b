"""The Raspberry Pi 5's own power chip: `pmic:[?on=board&hz=5&fit=none]`, by `vcgencmd pmic_read_adc`.

It measures 12 rails behind the 5 V input; what hangs on 5 V itself (USB, HATs, the fan) and its converters' losses
are not in their sum. Each sample is a process on the board: ten a second at most, and none while latency is timed.
"""

import math
import re

from evaluators.errors import MeterError
from evaluators.power.lines import Limits, LineMeter
from evaluators.power.meter import MeterInfo
from evaluators.power.place import Place
from evaluators.power.sample import GarbageError, Sample, sample
from evaluators.power.sampler import LIMITS, sampler
from evaluators.power.stream import Board, shown

RAILS = (
    "3V7_WL_SW", "3V3_SYS", "1V8_SYS", "DDR_VDD2", "DDR_VDDQ", "1V1_SYS",
    "0V8_SW", "VDD_CORE", "3V3_DAC", "3V3_ADC", "0V8_AON", "HDMI",
)  # fmt: skip
# jfikar/RPi5-power: against a USB-C meter, one board, means over 50 s.
FACTOR, CONSTANT_W = 1.1451, 0.5879
HZ = 10
_LOOP = """
LC_ALL=C; export LC_ALL
while read -r up rest </proc/uptime; do
  vcgencmd pmic_read_adc 2>&1 || { echo "failed"; sleep 5; exit 1; }
  echo "at $up"
  sleep "$1"
done
"""
_VALUE = re.compile(r" *([0-9A-Z_]{1,20})_([AV]) (current|volt)\(\d{1,3}\)=(\d{1,3}\.\d{1,10})([AV])")
_AT = re.compile(r"at (\d{1,10}\.\d{2})")


class Rails:
    """The rails' volts and amps, paired by name: neither order nor numbers are consecutive."""

    def __init__(self, name: str, period_s: float, *, fit: bool) -> None:
        self._fit = fit
        how = f"fit {FACTOR} x sum of {len(RAILS)} rails + {CONSTANT_W} W" if fit else f"sum of {len(RAILS)} rails"
        measures = "board" if fit else "rails behind the 5 V input"
        self.info = MeterInfo(name, period_s, measures=measures, note=how, disturbs=True)
        self._values: dict[tuple[str, str], float] = {}
        self._said = ""

    def parse(self, line: str) -> Sample | None:
        # A Pi 4's says so, and that all is well.
        if line.startswith("error="):
            self._said = shown(line)
        if line == "failed" or line.startswith("error="):
            raise MeterError(f"{self.info.name}: vcgencmd gives no power here ({self._said}); only a Pi 5's does")
        if match := _VALUE.fullmatch(line):
            self._values[match[1], match[2]] = float(match[4])
            return None
        self._said = shown(line.strip())
        at = _AT.fullmatch(line)
        if not at:
            raise GarbageError("no value of pmic_read_adc")
        values, self._values = self._values, {}
        missing = [rail for rail in RAILS if not {(rail, "A"), (rail, "V")} <= values.keys()]
        if missing:
            raise GarbageError(f"without {', '.join(missing)}")
        watts = math.fsum(values[rail, "A"] * values[rail, "V"] for rail in RAILS)
        # What comes in has a voltage, but no current is measured there.
        return sample(
            values.get(("EXT5V", "V"), math.nan),
            watts=FACTOR * watts + CONSTANT_W if self._fit else watts,
            meter_s=float(at[1]),
        )


def pmic(rest: str, board: Board | None = None, limits: Limits = LIMITS) -> LineMeter:
    place = Place.parse("pmic", rest, "on", "hz", "fit")
    fit = place.choice("fit", "published", "none") == "published"
    period_s = 1 / place.number("hz", 5, 0.2, HZ)
    name = "Raspberry Pi 5 PMIC"
    opening = sampler(_LOOP, (f"{period_s:.3f}",), place, board, name)
    return LineMeter(opening, lambda: Rails(name, period_s, fit=fit), limits)
