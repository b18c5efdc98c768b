"""Claims: rows of a CSV file of latencies, energies and powers, as somebody published them."""

import csv
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from io import StringIO
from pathlib import Path
from typing import Any

from search.scoring.audit import Audit, audit
from space.errors import RequestError


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    latency_ms: float
    energy_mj: float
    max_power_w: float
    # None: the file does not say.
    idle_power_w: float | None
    wall_ms: float | None
    # All other columns.
    labels: Mapping[str, str]

    @property
    def audit(self) -> Audit:
        return audit(self.latency_ms, self.energy_mj, self.max_power_w, self.idle_power_w, self.wall_ms)


_MS = {"us": 1e-3, "μs": 1e-3, "ms": 1.0, "milliseconds": 1.0, "s": 1e3, "sec": 1e3, "seconds": 1e3}
_MJ = {"uj": 1e-3, "μj": 1e-3, "mj": 1.0, "millijoules": 1.0, "j": 1e3, "joules": 1e3}
_W = {"mw": 1e-3, "milliwatts": 1e-3, "w": 1.0, "watts": 1.0}
# Words that make no other quantity of it. A column with any word that is not known is a label, so that neither
# "max latency ms" nor "dynamic energy mJ" is taken for what it is not.
_FILLING = {
    *("average", "avg", "mean", "median", "measured", "power", "consumption"),
    *("per", "image", "images", "img", "inference", "time", "clock"),
}


@dataclass(frozen=True, slots=True)
class _Quantity:
    name: str
    # A heading is that of this column where one of these words stands in it.
    words: frozenset[str]
    units: Mapping[str, float]
    needed: bool = True

    def scale(self, header: str) -> float | None:
        """What its numbers are multiplied by; None: the column is something else."""
        words = set(re.findall(r"[^\W_]+", header.casefold()))
        units = words & set(self.units)
        if len(units) != 1 or not words & self.words or words - units - self.words - _FILLING:
            return None
        return self.units[units.pop()]


_QUANTITIES = (
    _Quantity("latency_ms", frozenset({"latency", "inference"}), _MS),
    _Quantity("energy_mj", frozenset({"energy"}), _MJ),
    _Quantity("max_power_w", frozenset({"max", "maximum", "peak"}), _W),
    _Quantity("idle_power_w", frozenset({"idle"}), _W, needed=False),
    _Quantity("wall_ms", frozenset({"wall"}), _MS, needed=False),
)
assert {quantity.name for quantity in _QUANTITIES} | {"labels"} == {field.name for field in fields(Claim)}


def read_claims(path: Path) -> list[Claim]:
    try:
        # Spreadsheets write a byte order mark.
        text = path.read_text(encoding="utf-8-sig")
        table = [row for row in csv.reader(StringIO(text), delimiter=_delimiter(text)) if any(map(str.strip, row))]
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise RequestError(f"{path} is not a CSV file: {error}") from error
    headers = [" ".join(header.split()) for header in table[0]] if table else []
    columns = _columns(path, headers)
    if len(table) == 1:
        raise RequestError(f"{path} has no row below its column names")
    return [_claim(f"{path}: row {number}", headers, columns, row) for number, row in enumerate(table[1:], start=1)]


def _delimiter(text: str) -> str:
    """The first line decides: spreadsheets set to some languages write semicolons."""
    return max(",;\t", key=text.partition("\n")[0].count)


def _columns(path: Path, headers: Sequence[str]) -> dict[str, tuple[int, float]]:
    """The place of each quantity's column, and the scale of its numbers; of quantities that the file has."""
    columns = {}
    for quantity in _QUANTITIES:
        scales = {place: scale for place, header in enumerate(headers) if (scale := quantity.scale(header)) is not None}
        # Our own name is meant where several would do.
        places = [place for place in scales if headers[place] == quantity.name] or list(scales)
        if len(places) > 1:
            both = " and ".join(repr(headers[place]) for place in places[:2])
            raise RequestError(f"{path}: {both} could both be {quantity.name}; keep one, or name that one so")
        if places:
            columns[quantity.name] = (places[0], scales[places[0]])
    missing = [quantity.name for quantity in _QUANTITIES if quantity.needed and quantity.name not in columns]
    if missing:
        raise RequestError(
            f"{path} has no column for {_list(missing)}; needed are {_list(_names(True))}, read too are "
            f"{_list(_names(False))} (the unit in the name, s, J and mW will do); found: {', '.join(headers) or 'none'}"
        )
    return columns


def _claim(where: str, headers: Sequence[str], columns: Mapping[str, tuple[int, float]], row: Sequence[str]) -> Claim:
    if len(row) != len(headers):
        raise RequestError(f"{where} has {len(row)} cells; the column names are {len(headers)}")
    cells = [cell.strip() for cell in row]
    figures: dict[str, Any] = dict.fromkeys(_names(False))
    for name, (place, scale) in columns.items():
        # What need not be there may be blank in some rows.
        if not (name in figures and cells[place] in {"", "-"}):
            figures[name] = _number(where, headers[place], cells[place], scale)
    figure_columns = {place for place, _ in columns.values()}
    labels = {header: cells[place] for place, header in enumerate(headers) if place not in figure_columns}
    return Claim(**figures, labels=labels)


def _number(where: str, header: str, text: str, scale: float) -> float:
    try:
        value = float(text) * scale
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise RequestError(f"{where}, column {header}: {text!r} is not a number above 0 (write 1234.5)")
    return value


def _names(needed: bool) -> list[str]:
    return [quantity.name for quantity in _QUANTITIES if quantity.needed == needed]


def _list(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last
