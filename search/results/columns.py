"""Columns: what a column of a table says of a row, in which views it is shown, and how it is read there."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from evaluators.provenance import Provenance
from search.results.rows import Row

Value = float | int | str | None


class View(StrEnum):
    """A table that people or programs read; the course's tables have the names of their decks."""

    RANKING = "ranking"
    GRID = "grid"
    PAGE = "page"
    M1 = "m1"
    M2 = "m2"
    M3 = "m3"
    FRONT = "front"
    FRONT_SLIDE = "front on a slide"
    # What every file has beside the table that it holds, so that no figure stands without its origin.
    FILE = "file"


# What stands for a figure that is not known; a terminal and the page write it as `number` does.
UNKNOWN = "–"
_UNKNOWN_IN = {View.RANKING: "-", View.GRID: "-", View.PAGE: "-"}


@dataclass(frozen=True, slots=True)
class Entry:
    """A row as it stands in a table of the whole study."""

    row: Row
    # The place among those that may win, from 1.
    place: int | None = None
    is_baseline: bool = False
    # Whether it could lead and has to be confirmed first.
    waits: bool = False
    # Labels of the contests that it wins.
    wins: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a column stands in a view: columns are ordered by their place."""

    place: int
    title: str
    # How it is read there, where that is another way than the column's.
    text: Callable[[Entry], str] | None = None
    # Whether the column stands there for such rows; None: it always does.
    worth_showing: Callable[[Sequence[Row]], bool] | None = None


def at(
    place: int,
    title: str,
    *views: View,
    text: Callable[[Entry], str] | None = None,
    worth_showing: Callable[[Sequence[Row]], bool] | None = None,
) -> dict[View, Spot]:
    """Places are in tens, so that a new column can go between two without moving the others."""
    return dict.fromkeys(views, Spot(place, title, text, worth_showing))


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    # The value in full, in the unit of the column's titles: what files hold, and what the page sorts by.
    value: Callable[[Row], Value]
    # How a person reads a value that is known, and what else is said of a row without one.
    text: Callable[[Any], str] = str
    otherwise: Callable[[Row], str] | None = None
    shown: Mapping[View, Spot]
    # Whether the column holds words: then it stands left, and is sorted as words.
    words: bool = False
    # The contest that is decided by it.
    objective: str | None = None
    # The provenance of the figure: a heading says it where it is not measured.
    provenance: Callable[[Row], Provenance] | None = None
    # In a file, whose cells are numbers alone, the next cell holds this, headed `... is`.
    kind_in_files: Callable[[Row], Value] | None = None
    # What the page sorts by, where that is not the value; a value that is not known sorts as a number.
    sorts_by: Callable[[Entry], Value] | None = None
    unknown_sorts_as: float = 0.0
    # A terminal that is too narrow for all does without, first without what has the highest number; 0 stays.
    goes: int = 0


@dataclass(frozen=True, slots=True)
class ViewColumn:
    """A column as one view shows it."""

    column: Column
    view: View
    spot: Spot

    @property
    def title(self) -> str:
        return self.spot.title

    def read(self, entry: Entry) -> str:
        if self.spot.text is not None:
            return self.spot.text(entry)
        value = self.column.value(entry.row)
        if known(value):
            return self.column.text(value)
        otherwise = self.column.otherwise
        return otherwise(entry.row) if otherwise else _UNKNOWN_IN.get(self.view, UNKNOWN)

    def sort_key(self, entry: Entry) -> Value:
        if self.column.sorts_by is not None:
            return self.column.sorts_by(entry)
        value = self.column.value(entry.row)
        return value if known(value) else self.column.unknown_sorts_as


def known(value: Any) -> bool:
    """Whether a value is neither absent nor not a number."""
    return value is not None and not (isinstance(value, float) and not math.isfinite(value))
