"""An INA219 that an Arduino reads: `ina219-serial:PORT[?baud=115200&format=...]`.

The format is `getcurrent` (the default: the five labelled lines of Adafruit's example), the names of the columns
(`V,mA`; `-` for one that is not used), or a regular expression with groups of such names: `I=(?P<mA>[0-9.]+)`.
"""

import re
from collections.abc import Callable

from evaluators.power.columns import Column, Columns, number, sample_of
from evaluators.power.lines import Limits, LineMeter, Parser
from evaluators.power.meter import MeterInfo
from evaluators.power.place import Place
from evaluators.power.sample import GarbageError, Sample, sample
from evaluators.power.serial_port import serial_port, speed
from evaluators.power.stream import Board
from space.errors import RequestError

# An Uno resets when its port is opened, and says nothing for two seconds; getcurrent then speaks each two seconds.
LIMITS = Limits(silence_s=10.0, zero_s=6.0, settle_s=3.0)
# Seconds to convert shunt or bus voltage to 12 bits, as Adafruit's library sets it up.
CONVERSION_S = 0.000532
# Its greeting has no figure in it.
_FIGURE = re.compile(r"\d")
_LABELS = ("Bus Voltage", "Shunt Voltage", "Load Voltage", "Current", "Power")
_LABELLED = re.compile(rf"({'|'.join(_LABELS)}): *(-?\d{{1,6}}\.\d{{2}}) (V|mV|mA|mW)")


class GetCurrent:
    """adafruit/Adafruit_INA219, examples/getcurrent: five lines, an empty one, two seconds.

    Watts are load voltage x current, load voltage being bus + shunt as the sketch has it: what the supply gives,
    the drop at the shunt included.
    """

    def __init__(self, name: str, period_s: float) -> None:
        self.info = MeterInfo(name, period_s, 2 * CONVERSION_S, note="load voltage = bus + shunt voltage")
        self._block: dict[str, float] = {}

    def parse(self, line: str) -> Sample | None:
        match = _LABELLED.fullmatch(line.strip())
        if match:
            self._block[match[1]] = float(match[2]) / (1 if match[3] == "V" else 1e3)
            return None
        block, self._block = self._block, {}
        if line.strip():
            if _FIGURE.search(line):
                raise GarbageError("no line of getcurrent")
            return None
        if len(block) < len(_LABELS):
            # The block in whose middle we began.
            return None
        # Power is the chip's own product, of the bus voltage: it tells whether digits were lost.
        sample(block["Bus Voltage"], block["Current"], block["Power"])
        return sample(block["Bus Voltage"] + block["Shunt Voltage"], block["Current"])


class ColumnLines:
    def __init__(self, name: str, period_s: float, columns: Columns) -> None:
        self.info = MeterInfo(name, period_s)
        self._columns = columns

    def parse(self, line: str) -> Sample | None:
        return self._columns.sample(line) if _FIGURE.search(line) else None


class PatternLines:
    def __init__(self, name: str, period_s: float, pattern: re.Pattern[str]) -> None:
        self.info = MeterInfo(name, period_s)
        self._pattern = pattern
        self._columns = {group: Column.named(group) for group in pattern.groupindex}

    def parse(self, line: str) -> Sample | None:
        match = self._pattern.search(line)
        if not match:
            if _FIGURE.search(line):
                raise GarbageError("the format is not in it")
            return None
        return sample_of(
            {
                str(column.quantity): number(match[group] or "") * column.factor
                for group, column in self._columns.items()
            }
        )


def ina219_serial(rest: str, _: Board | None = None, limits: Limits = LIMITS) -> LineMeter:
    place = Place.parse("ina219-serial", rest, "baud", "format", "period")
    baud = speed(place.number("baud", 115200, 1, 1e7), place.url)
    name = f"INA219 on {place.path()}"
    parser = _parser(place, name)
    return LineMeter(serial_port(place.path(), baud, name), parser, limits, "are baud and format those of the sketch?")


def _parser(place: Place, name: str) -> Callable[[], Parser]:
    written = place.options.get("format", "getcurrent")
    # Zero: as it comes.
    period_s = place.number("period", 0, 0, 60)
    if written == "getcurrent":
        return lambda: GetCurrent(name, period_s or 2.0)
    try:
        if "(?P<" not in written:
            columns = Columns.named(written.split(","))
            return lambda: ColumnLines(name, period_s, columns)
        pattern = re.compile(written)
        Columns.named(list(pattern.groupindex))
        if any(Column.named(group).quantity is None for group in pattern.groupindex):
            raise ValueError(f"the groups are {', '.join(pattern.groupindex)}; valid are V, mV, A, mA, W, mW, s, ms")
        return lambda: PatternLines(name, period_s, pattern)
    except (ValueError, re.error) as error:
        raise RequestError(
            f"meter {place.url}: format={written}: {error}; valid is getcurrent, columns such as V,mA, "
            "or a regular expression with groups such as (?P<V>[0-9.]+) (?P<mA>[0-9.]+)"
        ) from error
