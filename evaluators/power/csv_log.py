"""A recorded log: `csv:FILE`: a time column, and watts or volts and amps, recognised by their names."""

import csv
import math
from collections.abc import AsyncGenerator, Iterator
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from statistics import median

from evaluators.errors import MeterError
from evaluators.power.columns import Column, Columns, number, sample_of
from evaluators.power.meter import MeterInfo, PowerReading
from evaluators.power.place import Place
from evaluators.power.sample import GarbageError
from evaluators.power.stream import Board

BYTES = 200_000_000


class CsvLog:
    """A log whose readings come at once; their times are the log's own: seconds, or since 1970 where they are dates."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._period_s = 0.0

    @property
    def info(self) -> MeterInfo:
        return MeterInfo(f"log {self._path.name}", self._period_s, note="times are the log's")

    async def readings(self) -> AsyncGenerator[PowerReading, None]:
        readings = self._read()
        self._period_s = median(b.time_s - a.time_s for a, b in pairwise(readings))
        for reading in readings:
            yield reading

    def _read(self) -> list[PowerReading]:
        try:
            if self._path.stat().st_size > BYTES:
                raise MeterError(f"{self._path}: larger than {BYTES / 1e6:g} MB; cut it")
            with self._path.open(encoding="utf-8-sig", newline="") as file:
                readings = list(self._rows(file.readline(), file))
        except (OSError, UnicodeDecodeError, csv.Error) as error:
            raise MeterError(f"{self._path} cannot be read: {error}") from error
        if len(readings) < 2:
            raise MeterError(f"{self._path}: {len(readings)} readings are too few to be a log")
        return readings

    def _rows(self, heading: str, rest: Iterator[str]) -> Iterator[PowerReading]:
        separator = next((mark for mark in (";", "\t", ",") if mark in heading), ",")
        (names,) = csv.reader([heading], delimiter=separator) if heading.strip() else [[]]
        columns = self._columns(names)
        at = [column.quantity for column in columns.columns].index("time")
        last_s = -math.inf
        for line, words in enumerate(csv.reader(rest, delimiter=separator), start=2):
            if not words:
                continue
            try:
                time_s = _time_s(words[at] if at < len(words) else "", columns.columns[at])
                sample = sample_of(columns.values([word if i != at else "0" for i, word in enumerate(words)]))
            except GarbageError as error:
                raise MeterError(f"{self._path}:{line}: {error}; correct or remove the line") from error
            if time_s <= last_s:
                raise MeterError(f"{self._path}:{line}: its time is not after that of the line before; sort the log")
            last_s = time_s
            yield PowerReading(time_s, sample.volts, sample.amps, sample.watts, 0.0)

    def _columns(self, names: list[str]) -> Columns:
        try:
            columns = Columns.named(names)
        except ValueError as error:
            raise MeterError(f"{self._path}: {error}; name them time_s,volts,amps or time_s,watts") from error
        if not any(column.quantity == "time" for column in columns.columns):
            raise MeterError(f"{self._path}: no time among {', '.join(names)}; name its column time_s, ms or timestamp")
        return columns


def _time_s(word: str, column: Column) -> float:
    try:
        return number(word) * column.factor
    except GarbageError:
        pass
    try:
        return datetime.fromisoformat(word.strip()).timestamp()
    except (ValueError, OverflowError):
        raise GarbageError(f"{word[:30]!r} is neither seconds nor a date") from None


def csv_log(rest: str, _: Board | None = None) -> CsvLog:
    return CsvLog(Path(Place.parse("csv", rest).path()).expanduser())
