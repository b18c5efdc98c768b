"""From what the user writes to a meter: `smartpower2://192.168.4.1`, `hwmon:`, ...; others bring kinds of their own.

A package adds a kind through the entry point group `ondevice_search.meters`: the entry's name stands before the colon,
its object is called with what stands behind it and with the board (None without one), and gives a PowerMeter.
"""

from collections.abc import Callable
from importlib import import_module
from importlib.metadata import entry_points

from evaluators.power.meter import PowerMeter
from evaluators.power.stream import Board
from space.errors import RequestError

GROUP = "ondevice_search.meters"
# What stands before the colon: where it is made, and what is written behind it.
KINDS: dict[str, tuple[str, str]] = {
    "smartpower2": ("evaluators.power.smartpower2:smartpower2", "//HOST[:23][?via=board]"),
    "smartpower2-serial": ("evaluators.power.smartpower2_serial:smartpower2_serial", "PORT"),
    "smartpower3": ("evaluators.power.smartpower3:smartpower3", "PORT[?channel=0|1&baud=115200]"),
    "ina219-serial": ("evaluators.power.ina219_serial:ina219_serial", "PORT[?baud=115200&format=V,mA]"),
    "hwmon": ("evaluators.power.hwmon:hwmon", "[NAME][?on=board]"),
    "pmic": ("evaluators.power.pmic:pmic", "[?on=board]"),
    "rapl": ("evaluators.power.rapl:rapl", ""),
    "csv": ("evaluators.power.csv_log:csv_log", "FILE"),
    "command": ("evaluators.power.command:command", "PROGRAM ARGUMENTS"),
}
# What stands behind the colon is a program to run.
PROGRAMS = ("command",)


def open_meter(url: str, board: Board | None = None) -> PowerMeter:
    """Nothing is connected before its readings are. RequestError names what would be valid."""
    kind, colon, rest = url.partition(":")
    if not colon or (kind not in KINDS and kind not in _added()):
        raise RequestError(f"meter {url!r} is not known; valid is {', '.join(valid())}")
    return _maker(kind)(rest, board)


def why_typed(url: str) -> str | None:
    """Why only the person at the keyboard may ask for it, and no file that came from elsewhere; None: a file may."""
    kind, _, rest = url.partition(":")
    if kind in PROGRAMS:
        return f"it would run the program {rest.strip() or '(none named)'}"
    if kind not in KINDS and kind in _added():
        return f"it would run the code of the package that brings {kind}"
    return None


def valid() -> list[str]:
    return [f"{kind}:{behind}" for kind, (_, behind) in KINDS.items()] + [f"{kind}:..." for kind in _added()]


def _maker(kind: str) -> Callable[[str, Board | None], PowerMeter]:
    if kind in KINDS:
        module, _, name = KINDS[kind][0].partition(":")
        made: Callable[[str, Board | None], PowerMeter] = getattr(import_module(module), name)
        return made
    (entry, *others) = entry_points(group=GROUP, name=kind)
    if others:
        packages = ", ".join(sorted(e.dist.name for e in (entry, *others) if e.dist))
        raise RequestError(f"meter {kind}: several packages bring it ({packages}); uninstall all but one")
    try:
        loaded: Callable[[str, Board | None], PowerMeter] = entry.load()
    except (ImportError, AttributeError) as error:
        raise RequestError(f"meter {kind}: the package that brings it cannot be used: {error}") from error
    return loaded


def _added() -> list[str]:
    return sorted({entry.name for entry in entry_points(group=GROUP)} - set(KINDS))
