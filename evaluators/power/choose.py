"""From what the user writes to a meter: `smartpower2://192.168.4.1`, `hwmon:`, ...; others bring kinds of their own.

A package adds a kind through the entry point group `ondevice_search.meters`: the entry's name stands before the colon,
its object is called with what stands behind it and with the board (None without one), and gives a PowerMeter.
"""

from collections.abc import Callable

from evaluators.power.meter import PowerMeter
from evaluators.power.stream import Board
from space.errors import RequestError
from space.registry import Registry

Maker = Callable[[str, Board | None], PowerMeter]

# What stands before the colon: where it is made, and what is written behind it.
KINDS: dict[str, tuple[str, str]] = {
    "smartpower2": ("evaluators.power.smartpower2:smartpower2", "//HOST[:23][?via=board]"),
    "smartpower2-serial": ("evaluators.power.smartpower2_serial:smartpower2_serial", "PORT"),
    "smartpower3": ("evaluators.power.smartpower3:smartpower3", "PORT[?channel=0|1&baud=115200]"),
    "shelly": ("evaluators.power.shelly:shelly", "//HOST[?channel=0]"),
    "tasmota": ("evaluators.power.tasmota:tasmota", "//HOST[?channel=0]"),
    "scpi": ("evaluators.power.scpi:scpi", "//HOST[:5025][?channel=CH1&ask=power&hz=5]"),
    "ina219-serial": ("evaluators.power.ina219_serial:ina219_serial", "PORT[?baud=115200&format=V,mA]"),
    "hwmon": ("evaluators.power.hwmon:hwmon", "[NAME][?on=board]"),
    "pmic": ("evaluators.power.pmic:pmic", "[?on=board]"),
    "rapl": ("evaluators.power.rapl:rapl", ""),
    "csv": ("evaluators.power.csv_log:csv_log", "FILE"),
    "command": ("evaluators.power.command:command", "PROGRAM ARGUMENTS"),
}
METERS: Registry[Maker] = Registry(
    "meter", "ondevice_search.meters", {kind: maker for kind, (maker, _) in KINDS.items()}, named=False
)
# What stands behind the colon is a program to run.
PROGRAMS = ("command",)


def open_meter(url: str, board: Board | None = None) -> PowerMeter:
    """Nothing is connected before its readings are. RequestError names what would be valid."""
    kind, colon, rest = url.partition(":")
    if not colon or not METERS.knows(kind):
        raise RequestError(f"meter {url!r} is not known; valid is {', '.join(valid())}")
    return METERS.get(kind)(rest, board)


def why_typed(url: str) -> str | None:
    """Why only the person at the keyboard may ask for it, and no file that came from elsewhere; None: a file may."""
    kind, _, rest = url.partition(":")
    if kind in PROGRAMS:
        return f"it would run the program {rest.strip() or '(none named)'}"
    if kind in METERS.added():
        return f"it would run the code of the package that brings {kind}"
    return None


def valid() -> list[str]:
    return [f"{kind}:{behind}" for kind, (_, behind) in KINDS.items()] + [f"{kind}:..." for kind in METERS.added()]
