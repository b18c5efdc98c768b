"""The processor's own energy counters (Linux): `rapl:[?hz=10]`: its packages alone, without memory, disk or screen."""

import asyncio
import os
import time
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

from evaluators.errors import MeterError
from evaluators.power.meter import MeterInfo, PowerReading
from evaluators.power.place import Place
from evaluators.power.stream import Board

# No package takes more; above that the counter was set back, as by a suspend.
MAX_WATTS = 1000
_FOLDER = "sys/class/powercap"
# The counter is root's alone since Linux 5.10 (CVE-2020-8694).
_ADVICE = "it is root's since Linux 5.10; let your group read it: sudo chgrp {group} {path} && sudo chmod g+r {path}"


@dataclass(frozen=True, slots=True)
class Zone:
    path: Path
    # The counter goes back to zero behind this.
    most_uj: int

    def energy_uj(self) -> int:
        return int(_text(self.path / "energy_uj"))


class RaplMeter:
    def __init__(self, period_s: float) -> None:
        self._period_s = period_s

    @property
    def info(self) -> MeterInfo:
        return MeterInfo("RAPL", self._period_s, self._period_s, measures="processor package")

    async def readings(self) -> AsyncGenerator[PowerReading, None]:
        zones = _zones()
        before_s, before = time.monotonic(), [zone.energy_uj() for zone in zones]
        while True:
            await asyncio.sleep(self._period_s)
            now_s, now = time.monotonic(), [zone.energy_uj() for zone in zones]
            passed_s = now_s - before_s
            # Less than before is once around: at 250 W the usual counter takes a quarter of an hour.
            used_uj = sum((b - a) % (zone.most_uj + 1) for zone, a, b in zip(zones, before, now, strict=True))
            watts = used_uj / 1e6 / passed_s
            if not 0 < watts <= MAX_WATTS * len(zones):
                raise MeterError(f"RAPL: {watts:.4g} W within {passed_s:.2f} s cannot be; is this a virtual machine?")
            yield PowerReading(now_s, float("nan"), float("nan"), watts, passed_s)
            before_s, before = now_s, now


def _zones() -> list[Zone]:
    """The zones of whole packages; the parts of one (core, dram) are in it or beside it."""
    folder = Path(os.environ.get("SEARCH_SYSROOT") or "/") / _FOLDER
    zones = []
    for path in sorted(folder.glob("intel-rapl:*")):
        if path.name.count(":") == 1 and _text(path / "name").startswith("package-"):
            zones.append(Zone(path, int(_text(path / "max_energy_range_uj"))))
    if not zones:
        raise MeterError(f"RAPL: no package in /{_FOLDER}; this machine, or its container, has no such counter")
    return zones


def _text(path: Path) -> str:
    try:
        text = path.read_text().strip()
    except PermissionError as error:
        raise MeterError(f"RAPL: {path} may not be read; {_ADVICE.format(group=os.getegid(), path=path)}") from error
    except OSError as error:
        raise MeterError(f"RAPL: {path} cannot be read: {error.strerror}") from error
    if path.name != "name" and not (text.isascii() and text.isdigit() and len(text) < 20):
        raise MeterError(f"RAPL: {path} holds {text[:20]!r}, which is no number")
    return text


def rapl(rest: str, _: Board | None = None) -> RaplMeter:
    place = Place.parse("rapl", rest, "hz")
    return RaplMeter(1 / place.number("hz", 10, 0.2, 50))
