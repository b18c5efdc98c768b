"""ODROID SmartPower2: `smartpower2://HOST[:23]`, raw TCP; `?via=board`: the connection is made by the board."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from evaluators.power.lines import Limits, LineMeter
from evaluators.power.meter import MeterInfo
from evaluators.power.place import Place
from evaluators.power.sample import GarbageError, Sample, sample
from evaluators.power.stream import Board, needed, through_board
from evaluators.power.tcp import tcp

PORT = 23
# A new connection brings no data for 0.4 to 2 s, a stream has gaps of up to 7 s (students' logs of three years), and
# after Wi-Fi was lost the meter's only place stays taken until the meter notices.
LIMITS = Limits(silence_s=10.0, settle_s=2.0, reconnect_s=30.0)


@dataclass(frozen=True, slots=True)
class Dialect:
    """What a firmware prints, and how often it has something new to print."""

    name: str
    line: re.Pattern[str]
    period_s: float
    averaged_s: float
    read: Callable[[re.Match[str]], Sample]


def _four(match: re.Match[str]) -> Sample:
    # The fourth, Wh, counts only while a browser is connected: not used.
    return sample(volts=float(match[1]), amps=float(match[2]), watts=float(match[3]))


def _slim(match: re.Match[str]) -> Sample:
    return sample(volts=float(match[2]), amps=float(match[3]), meter_s=int(match[1]) / 1e3)


def _log(match: re.Match[str]) -> Sample:
    return sample(watts=float(match[2]), meter_s=float(match[1]))


# Averaging is the INA231's, by its configuration register: 0x45FF is 16 x (8.244 + 8.244) ms, 0x4127 is 1.1 + 1.1 ms.
DIALECTS = (
    Dialect(
        # hardkernel/smartpower2; palich2000 prints the same.
        "stock firmware",
        re.compile(r"(\d{1,2}\.\d{3}),(\d{1,2}\.\d{3}),(\d{1,3}\.\d{3}),\d{1,9}\.\d{3}"),
        1.0,
        0.264,
        _four,
    ),
    # This is the firmware from before 2017-01-18.
    Dialect(
        "stock firmware of 2016",
        re.compile(r"(\d{1,2}\.\d{2}),(\d{1,2}\.\d{2}),(\d{1,3}\.\d{2,3}),\d{1,9}\.\d{2,3}"),
        1.0,
        0.264,
        _four,
    ),
    # ly4096x/smartpower2, smartpower2_sta_slim.ino: "%d %.4f %.4f", a timer of 5 ms.
    Dialect("sta_slim", re.compile(r"(\d{1,10}) (\d{1,2}\.\d{4}) (\d{1,2}\.\d{4})"), 0.005, 0.0022, _slim),
    # juniocezar/smartpower2: a line each millisecond, each figure of the INA231 some 264 times.
    Dialect("JMeasure", re.compile(r"LOG: (\d{1,10}\.\d{6}) (\d{1,3}\.\d{4,8}) ?"), 0.264, 0.264, _log),
)
_MARKS = ("START", "FINISH")


# ytrikoz/smartpower2 has no stream.
ADVICE = "is it switched on, with a firmware that prints lines by itself (ytrikoz's waits for commands)?"


class Lines:
    """The dialect is that of the first line that is in one. `noisy`: others talk on the same port."""

    def __init__(self, name: str, dialects: Sequence[Dialect] = DIALECTS, *, noisy: bool = False) -> None:
        self._name = name
        self._dialects = dialects
        self._noisy = noisy
        self._dialect: Dialect | None = None

    @property
    def info(self) -> MeterInfo:
        if self._dialect is None:
            return MeterInfo(self._name, self._dialects[0].period_s, self._dialects[0].averaged_s)
        return MeterInfo(f"{self._name} ({self._dialect.name})", self._dialect.period_s, self._dialect.averaged_s)

    def parse(self, line: str) -> Sample | None:
        for dialect in (self._dialect,) if self._dialect else self._dialects:
            if match := dialect.line.fullmatch(line):
                self._dialect = dialect
                return dialect.read(match)
        if line in _MARKS or (self._noisy and not re.match(r"\d+\.\d", line)):
            return None
        raise GarbageError(f"no line of {self._dialect.name}" if self._dialect else "no line of any known firmware")


def smartpower2(
    rest: str, board: Board | None = None, limits: Limits = LIMITS, dialects: Sequence[Dialect] = DIALECTS
) -> LineMeter:
    place = Place.parse("smartpower2", rest, "via")
    host, port = place.host_and_port(PORT)
    name = f"SmartPower2 at {host}" + (f":{port}" if port != PORT else "")
    if place.choice("via", "here", "board") == "board":
        opening = through_board(needed(board, place.url), host, port, name)
    else:
        opening = tcp(host, port, name)
    return LineMeter(opening, lambda: Lines(name, dialects), limits, ADVICE)
