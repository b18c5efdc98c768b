"""ODROID SmartPower3 on USB: `smartpower3:PORT[?channel=0|1&baud=115200]`; its log interval must be set, it is off."""

import re
from functools import reduce
from operator import xor

from evaluators.errors import MeterError
from evaluators.power.lines import Limits, LineMeter
from evaluators.power.meter import MeterInfo
from evaluators.power.place import Place
from evaluators.power.sample import GarbageError, Sample, sample
from evaluators.power.serial_port import serial_port, speed
from evaluators.power.stream import Board

LIMITS = Limits(silence_s=10.0, settle_s=1.0)
ADVICE = "is its log interval set (its settings; off by default), and the baud rate the same there?"
# The choices of its settings screen. The line's own clock, in ms, tells which it is.
INTERVALS_S = (0.005, 0.01, 0.05, 0.1, 0.5, 1.0)
# Told from the quickest line by its own clock: 81 characters at 115,200 baud, a USB converter that waits 16 ms.
LINK_S = 0.03
# 17 columns: ms, mV, mA, mW of the input, low input; for each channel mV, mA, mW, on, interrupts; two checksums.
_CHANNEL = r"(\d{5}),(\d{4}),(\d{5}),([01]),[0-9a-f]{2},"
_LINE = re.compile(rf"((\d{{10}}),\d{{5}},\d{{4}},\d{{5}},[01],{_CHANNEL}{_CHANNEL})([0-9a-f]{{2}}),([0-9a-f]{{2}})")


def checksums(text: str) -> tuple[int, int]:
    """Both of the 74 characters before them, the last comma included: two's complement of their sum, exclusive or.

    hardkernel/smartpower3, logTask: both run over the first SIZE_LOG_BUFFER0-1, ..1-1 and ..2-1 (30 + 22 + 22)
    characters, and are printed as "%02x,%02x" of (byte)((~checksum8)+1) and checksum8_xor. contrib/sp3-datalogger.py
    names the columns and leaves the check to be implemented.
    """
    content = text.encode("ascii")
    return -sum(content) & 0xFF, reduce(xor, content)


class Log:
    """Lines whose current is the mean over the interval, and whose voltage is the last sample."""

    def __init__(self, name: str, channel: int) -> None:
        self._name = name
        self._channel = channel
        self._shortest_s = INTERVALS_S[-1]
        self._last_s: float | None = None

    @property
    def info(self) -> MeterInfo:
        interval_s = min(INTERVALS_S, key=lambda choice_s: abs(choice_s - self._shortest_s))
        return MeterInfo(self._name, interval_s, interval_s, note="last voltage x mean current", link_s=LINK_S)

    def parse(self, line: str) -> Sample | None:
        match = _LINE.fullmatch(line)
        if not match:
            raise GarbageError("not its 17 columns")
        if checksums(match[1]) != (int(match[11], 16), int(match[12], 16)):
            raise GarbageError("wrong checksum")
        begin = 3 + 4 * self._channel
        millivolts, milliamps, milliwatts, on = (int(match[column]) for column in range(begin, begin + 4))
        if not on:
            raise MeterError(f"{self._name}: the output of channel {self._channel} is off; switch it on")
        meter_s = int(match[2]) / 1e3
        self._learn(meter_s)
        return sample(millivolts / 1e3, milliamps / 1e3, milliwatts / 1e3, meter_s)

    def _learn(self, meter_s: float) -> None:
        """The shortest distance: some lines are lost."""
        if self._last_s is not None and meter_s > self._last_s:
            self._shortest_s = min(self._shortest_s, meter_s - self._last_s)
        self._last_s = meter_s


def smartpower3(rest: str, _: Board | None = None, limits: Limits = LIMITS) -> LineMeter:
    place = Place.parse("smartpower3", rest, "channel", "baud")
    channel = int(place.choice("channel", "0", "1"))
    baud = speed(place.number("baud", 115200, 1, 1e7), place.url)
    name = f"SmartPower3 on {place.path()}, channel {channel}"
    return LineMeter(serial_port(place.path(), baud, name), lambda: Log(name, channel), limits, ADVICE)
