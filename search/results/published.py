"""Published: a table of figures that somebody published of pruned networks, for a grid's to be held beside; or of
averages over its fractions."""

import csv
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

from search.settings.grid import Point
from space.errors import RequestError
from space.formats.quantizations import NONE

# What stands for a fraction where a row is of all of them.
_MEAN = "mean"


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """One row of the table; fraction 0 is the unpruned network, None the mean over all fractions of a criterion."""

    fraction: float | None
    epochs: int = 0
    quantization: str = NONE
    # None: the table does not say.
    criterion: str | None = None
    runtime: str | None = None
    # The share of right answers, 0 to 1.
    accuracy: float | None = None
    latency_ms: float | None = None
    mwh_per_point: float | None = None
    points_per_mb: float | None = None

    @property
    def is_average(self) -> bool:
        return self.fraction is None

    @property
    def averages(self) -> dict[str, float | None]:
        """The averages as tables of averages call them."""
        accuracy = None if self.accuracy is None else 100 * self.accuracy
        return {
            "accuracy": accuracy,
            "mwh_per_2000_per_point": self.mwh_per_point,
            "points_per_mb": self.points_per_mb,
        }

    def matches(self, point: Point) -> bool:
        return (
            self.fraction is not None
            and math.isclose(self.fraction, point.fraction)
            and self.epochs == point.epochs
            and self.quantization == point.quantization
            # Nothing was judged of an unpruned network, whatever its row says.
            and (not self.fraction or self.criterion in (None, point.criterion))
            and self.runtime in (None, point.runtime)
        )

    def __str__(self) -> str:
        which = _MEAN if self.fraction is None else f"fraction {self.fraction:g}"
        named = [*filter(None, [self.criterion]), which, f"{self.epochs} epochs"]
        return ", ".join([*named, self.quantization, *filter(None, [self.runtime])])


def elsewhere(published: Sequence[Published], points: Collection[Point]) -> list[str]:
    """One line where rows are of no point of a grid: a criterion that is written otherwise is passed over, too."""
    criteria = {point.criterion for point in points}
    others = [
        row
        for row in published
        if not any(row.matches(point) for point in points) and not (row.is_average and row.criterion in criteria)
    ]
    if not others:
        return []
    are, named = ("is", ": ") if len(others) == 1 else ("are", ", the first: ")
    return [f"published: {len(others)} of {len(published)} rows {are} of no point of this grid{named}{others[0]}"]


def read_published(path: Path | None) -> tuple[Published, ...]:
    """Rows in their order; none where no file is named. What the file has beside the columns below is passed over."""
    if path is None:
        return ()
    try:
        # Spreadsheets write a byte order mark.
        lines = list(csv.DictReader(StringIO(path.read_text(encoding="utf-8-sig")), strict=True))
    except OSError as error:
        raise RequestError(f"published: {path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise RequestError(f"published: {path} is not a CSV file: {error}") from error
    if not lines:
        raise RequestError(f"published: {path} has no row below its column names")
    missing = {"fraction"} - lines[0].keys()
    if missing or not _FIGURES & lines[0].keys():
        raise RequestError(
            f"published: {path} needs a column fraction, and one of {', '.join(sorted(_FIGURES))}; it may have "
            f"{', '.join(name for name in _COLUMNS if name not in ('fraction', *_FIGURES))}"
        )
    return tuple(_row(f"published: {path}: row {number}", line) for number, line in enumerate(lines, start=1))


def _row(where: str, line: Mapping[str, str | None]) -> Published:
    chosen: dict[str, Any] = {}
    for name, (field, read) in _COLUMNS.items():
        text = (line.get(name) or "").strip()
        if text in ("", "-"):
            continue
        try:
            chosen[field] = read(text)
        except ValueError as error:
            raise RequestError(f"{where}, column {name}: {text!r} is {error}") from error
    if "fraction" not in chosen:
        raise RequestError(f"{where}: its fraction is missing; 0 is the unpruned network, {_MEAN} the mean over all")
    return Published(**chosen)


def _number(bounds: str, least: float, most: float, scale: float = 1.0) -> Callable[[str], float]:
    def read(text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not least <= value <= most:
            raise ValueError(f"not {bounds}")
        return value * scale

    return read


def _fraction(text: str) -> float | None:
    return None if text == _MEAN else _number(f"a fraction from 0 to 1, or {_MEAN}", 0, 1)(text)


def _count(text: str) -> int:
    if not text.isdecimal():
        raise ValueError("not a whole number of epochs")
    return int(text)


# Columns that are read: the field of Published that each fills, and how its text is read.
_COLUMNS: dict[str, tuple[str, Callable[[str], Any]]] = {
    "criterion": ("criterion", str),
    "fraction": ("fraction", _fraction),
    "epochs": ("epochs", _count),
    "quantization": ("quantization", str),
    "runtime": ("runtime", str),
    "accuracy_percent": ("accuracy", _number("a percentage from 0 to 100", 0, 100, 0.01)),
    "latency_us": ("latency_ms", _number("a time in microseconds", 1e-3, 1e9, 1e-3)),
    "latency_ms": ("latency_ms", _number("a time in milliseconds", 1e-6, 1e6)),
    "mwh_per_2000_per_point": ("mwh_per_point", _number("mWh of 2,000 inferences for each point", 1e-9, 1e9)),
    "points_per_mb": ("points_per_mb", _number("points of accuracy for each MB", 1e-9, 1e9)),
}
_FIGURES = {"accuracy_percent", "latency_us", "latency_ms", "mwh_per_2000_per_point", "points_per_mb"}
