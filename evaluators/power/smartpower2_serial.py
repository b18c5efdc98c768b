"""ODROID SmartPower2 on USB: `smartpower2-serial:PORT[?baud=115200]`; it prints only while its output is on.

Boot banner, web server and clients talk on the same port: only lines of figures count.
"""

from collections.abc import Sequence

from evaluators.power.lines import Limits, LineMeter
from evaluators.power.place import Place
from evaluators.power.serial_port import serial_port, speed
from evaluators.power.smartpower2 import DIALECTS, Dialect, Lines
from evaluators.power.stream import Board

# Should it have been reset after all: four seconds of boot banner, then the output as `autorun` says.
LIMITS = Limits(silence_s=15.0, settle_s=2.0)


def smartpower2_serial(
    rest: str, _: Board | None = None, limits: Limits = LIMITS, dialects: Sequence[Dialect] = DIALECTS
) -> LineMeter:
    place = Place.parse("smartpower2-serial", rest, "baud")
    # sta_slim speaks at 2,000,000 baud.
    baud = speed(place.number("baud", 115200, 1, 1e7), place.url)
    name = f"SmartPower2 on {place.path()}"
    opening = serial_port(place.path(), baud, name)
    return LineMeter(opening, lambda: Lines(name, dialects, noisy=True), limits, "is its output on?")
