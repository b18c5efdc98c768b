"""A sensor that the kernel reads (ina2xx): `hwmon:[NAME][?on=board&hz=10]`, in /sys/class/hwmon, here or on the board.

Watts are bus voltage x current: the driver's own power has steps of 20 or 25 mW, 0.8 % of 3 W; its current of 1 mA.
"""

import re

from evaluators.errors import MeterError
from evaluators.power.lines import Limits, LineMeter
from evaluators.power.meter import MeterInfo
from evaluators.power.place import Place
from evaluators.power.sample import GarbageError, Sample, sample
from evaluators.power.sampler import LIMITS, sampler
from evaluators.power.stream import Board, shown
from space.errors import RequestError

# `read` and `echo` are the shell's own: one process, sleep, per sample.
_LOOP = """
LC_ALL=C; export LC_ALL; match=
for chip in "$0"/sys/class/hwmon/hwmon*; do
  read -r name <"$chip/name" || continue
  seen="$seen $name"
  case "$name" in $1) [ -r "$chip/curr1_input" ] && [ -z "$match" ] && match=$chip && chosen=$name;; esac
done 2>/dev/null
[ -n "$match" ] || { echo "none$seen"; sleep 5; exit 1; }
echo "chip $chosen"
while read -r up rest </proc/uptime && read -r mv <"$match/in1_input" && read -r ma <"$match/curr1_input"; do
  echo "$up $mv $ma"
  sleep "$2"
done
"""
_LINE = re.compile(r"(\d{1,10}\.\d{2}) (\d{1,6}) (-?\d{1,6})")
# Seconds over which an INA219 averages as the driver sets it up, at worst; an INA226 takes 35 ms.
AVERAGED_S = 0.0681
_NAME = re.compile(r"[a-z0-9_]*")


class Chip:
    def __init__(self, name: str, period_s: float) -> None:
        self._name = name
        self._chip = ""
        self._period_s = period_s

    @property
    def info(self) -> MeterInfo:
        chip = f" ({self._chip})" if self._chip else ""
        return MeterInfo(f"{self._name}{chip}", self._period_s, AVERAGED_S, note="bus voltage x current")

    def parse(self, line: str) -> Sample | None:
        if line.startswith("none"):
            sensors = shown(line[4:].strip()) or "nothing"
            raise MeterError(f"{self._name}: no such power sensor in /sys/class/hwmon; there is {sensors}")
        if line.startswith("chip "):
            self._chip = shown(line[5:])
            return None
        match = _LINE.fullmatch(line)
        if not match:
            raise GarbageError("no sample")
        return sample(int(match[2]) / 1e3, int(match[3]) / 1e3, meter_s=float(match[1]))


def hwmon(rest: str, board: Board | None = None, limits: Limits = LIMITS) -> LineMeter:
    place = Place.parse("hwmon", rest, "on", "hz")
    if not _NAME.fullmatch(place.where):
        raise RequestError(f"meter {place.url}: {place.where!r} is no sensor; valid is one such as ina219, ina226")
    period_s = 1 / place.number("hz", 10, 0.2, 50)
    name = f"hwmon {place.where}".strip()
    opening = sampler(_LOOP, (place.where or "ina2*", f"{period_s:.3f}"), place, board, name)
    return LineMeter(opening, lambda: Chip(name, period_s), limits)
