"""Pivot: a grid beside its unpruned network: a row for each network pruned alike, its trainings side by side."""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from search.results.columns import Value
from search.results.published import Published
from search.results.rows import Row
from search.results.standings import Standings
from search.results.structures import structure
from search.results.wording import epochs_text, half_percent, number, over_baseline, times
from search.settings.grid import Point
from space.formats.quantizations import title
from space.formats.target import title_of

_UNKNOWN = "-"


@dataclass(frozen=True, slots=True)
class PivotRow:
    # The first of them; what they were tuned for tells them apart.
    point: Point
    # The structure's trainings by their epochs: those that are evaluated, and those that were published.
    rows: Mapping[int, Row]
    published: Mapping[int, Published]

    @property
    def any(self) -> Row | None:
        """One row of the structure's trainings, which share structure and latency."""
        return next(iter(self.rows.values()), None)

    @property
    def structure(self) -> str | None:
        return structure(self.any.recipe) if self.any else None

    @property
    def published_ms(self) -> float | None:
        return next((row.latency_ms for row in self.published.values() if row.latency_ms is not None), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class PivotColumn:
    # What programs call it.
    key: str
    value: Callable[[PivotRow], Value]
    # What people read above it; "": it is for programs alone.
    title: str = ""
    # How a value that is known is written; and in few words, for a slide.
    text: Callable[[PivotRow], str] | None = None
    brief: Callable[[PivotRow], str] | None = None
    words: bool = False

    def read(self, row: PivotRow, *, brief: bool = False) -> str:
        value = self.value(row)
        if value is None:
            return _UNKNOWN
        text = self.brief if brief and self.brief else self.text
        return text(row) if text else str(value)


@dataclass(frozen=True)
class Pivot:
    # What all are held beside, and the same as it was published.
    unpruned: Row
    published: Published | None
    rows: tuple[PivotRow, ...]
    # The unpruned network at the settings that make it fastest: what gains are over in every other table.
    baseline: Row

    @cached_property
    def columns(self) -> tuple[PivotColumn, ...]:
        return (*self._names(), *self._trainings(), *self._times(), *self._published())

    @property
    def shown(self) -> tuple[PivotColumn, ...]:
        return tuple(column for column in self.columns if column.title)

    def texts(self) -> tuple[list[str], list[list[str]]]:
        """Headings and cells as a person reads them."""
        return [column.title for column in self.shown], [
            [column.read(row) for column in self.shown] for row in self.rows
        ]

    def brief_texts(self) -> tuple[list[str], list[list[str]]]:
        """The same for a slide, which has no room for what another column says as well."""
        titles = {column.title for column in self.shown}
        less = "parameters" if "structure" in titles and not titles & {"quantization", "runtime"} else "structure"
        shown = [column for column in self.shown if column.title != less]
        return [column.title for column in shown], [
            [column.read(row, brief=True) for column in shown] for row in self.rows
        ]

    def records(self) -> list[dict[str, Value]]:
        """Rows in full for programs."""
        return [{column.key: column.value(row) for column in self.columns} for row in self.rows]

    def as_dict(self) -> dict[str, Any]:
        return {"unpruned": self.unpruned.recipe_id, "rows": self.records()}

    def lines(self) -> list[str]:
        """What the table compares with."""
        point = self.unpruned.point
        assert point is not None
        which = f"{title(point.quantization)} in {title_of(point.runtime)}"
        lines = [
            f"beside the unpruned network, {which}: accuracy on validation, in brackets points above it; time as a "
            f"multiple of its {number(self.unpruned.latency_ms)} ms, timed again beside each, as machines change their "
            "speed"
        ]
        if self.baseline.structure_id != self.unpruned.structure_id:
            lines.append(
                "how much faster a network is, is said over the unpruned one at its best settings: "
                f"{number(self.baseline.latency_ms)} ms"
            )
        if any(row.published for row in self.rows):
            lines.append("published: by others, on their machine and images, beside their own unpruned network")
        return lines

    def _names(self) -> Iterable[PivotColumn]:
        several = {
            name: len({getattr(row.point, name) for row in self.rows}) > 1 for name in ("quantization", "runtime")
        }
        return (
            PivotColumn(key="criterion", title="criterion", words=True, value=lambda row: row.point.criterion),
            PivotColumn(key="fraction", title="fraction", value=lambda row: row.point.fraction, text=_fraction),
            PivotColumn(
                key="quantization",
                title="quantization" if several["quantization"] else "",
                value=lambda row: row.point.quantization,
                text=lambda row: title(row.point.quantization),
                words=True,
            ),
            PivotColumn(
                key="runtime",
                title="runtime" if several["runtime"] else "",
                value=lambda row: row.point.runtime,
                text=lambda row: title_of(row.point.runtime),
                words=True,
            ),
            PivotColumn(
                key="structure",
                title="structure" if any(row.structure for row in self.rows) else "",
                value=lambda row: row.structure,
                words=True,
            ),
            PivotColumn(
                key="parameters",
                title="parameters",
                value=lambda row: row.any.parameters if row.any else None,
                text=lambda row: f"{row.any.parameters:,}" if row.any else "",
            ),
        )

    def _trainings(self) -> Iterable[PivotColumn]:
        for epochs in sorted({epochs for row in self.rows for epochs in row.rows}):

            def accuracy(row: PivotRow, epochs: int = epochs) -> float | None:
                return row.rows[epochs].validation_accuracy if epochs in row.rows else None

            yield from _accuracies(f"{epochs}_epochs", f"accuracy %, {epochs_text(epochs)}", accuracy, self._whole)

    @property
    def _whole(self) -> tuple[Point | None, float]:
        return self.unpruned.point, self.unpruned.validation_accuracy

    def _times(self) -> Iterable[PivotColumn]:
        def over(row: PivotRow) -> tuple[float, tuple[float, float] | None] | None:
            return time_over(row.any, self.unpruned) if row.any else None

        def end(place: int) -> Callable[[PivotRow], Value]:
            def value(row: PivotRow) -> Value:
                ratio = over(row)
                return ratio[1][place] if ratio and ratio[1] else None

            return value

        return (
            PivotColumn(
                key="latency_ms",
                title="latency ms",
                value=lambda row: row.any.latency_ms if row.any else None,
                text=lambda row: _latency(row.any) if row.any else "",
                brief=lambda row: number(row.any.latency_ms) if row.any else "",
            ),
            PivotColumn(
                key="time_over_unpruned",
                title="time",
                value=lambda row: ratio[0] if (ratio := over(row)) else None,
                text=lambda row: over_baseline(*ratio) if (ratio := over(row)) else "",
                brief=lambda row: times(ratio[0]) if (ratio := over(row)) else "",
            ),
            PivotColumn(key="time_over_unpruned_low", value=end(0)),
            PivotColumn(key="time_over_unpruned_high", value=end(1)),
        )

    def _published(self) -> Iterable[PivotColumn]:
        whole = self.published
        unpruned = (self.unpruned.point, whole.accuracy if whole else None)
        for epochs in sorted({epochs for row in self.rows for epochs in row.published}):

            def accuracy(row: PivotRow, epochs: int = epochs) -> float | None:
                return row.published[epochs].accuracy if epochs in row.published else None

            heading = f"published %, {epochs_text(epochs)}"
            yield from _accuracies(f"{epochs}_epochs", heading, accuracy, unpruned, "published_")
        if not any(row.published_ms for row in self.rows):
            return
        yield PivotColumn(
            key="published_latency_ms",
            title="published ms",
            value=lambda row: row.published_ms,
            text=lambda row: number(row.published_ms or 0),
        )
        if whole and whole.latency_ms:
            unpruned_ms = whole.latency_ms
            yield PivotColumn(
                key="published_time_over_unpruned",
                title="published time",
                value=lambda row: row.published_ms / unpruned_ms if row.published_ms else None,
                text=lambda row: times((row.published_ms or 0) / unpruned_ms),
            )


def pivot(standings: Standings) -> Pivot | None:
    """The table beside the unpruned network; None where the grid has no unpruned network, or has not measured it
    yet."""
    points = standings.points()
    unpruned = next((row for point, row in points.items() if row and not point.fraction), None)
    if unpruned is None or unpruned.point is None:
        return None
    groups: dict[Point, dict[int, Row | None]] = {}
    for point, row in points.items():
        groups.setdefault(point._replace(epochs=0), {})[point.epochs] = row
    rows = [
        PivotRow(
            point,
            {epochs: row for epochs, row in trainings.items() if row},
            {epochs: published for epochs in trainings
             if (published := _published_of(point._replace(epochs=epochs), standings.published))},
        )
        for point, trainings in groups.items()
    ]  # fmt: skip
    baseline = standings.row(standings.baseline)
    return Pivot(unpruned, _published_of(unpruned.point, standings.published), tuple(rows), baseline)


def time_over(row: Row, unpruned: Row) -> tuple[float, tuple[float, float] | None]:
    """Time as a multiple of the unpruned network's, and its 95 % interval; None: not known. Each is taken against the
    reference's nearest run, as machines change their speed; errors of the logarithms add as squares."""
    if row.structure_id == unpruned.structure_id:
        return 1.0, (1.0, 1.0)
    gain, whole = row.latency_gain or math.nan, unpruned.latency_gain or math.nan
    ratio = whole / gain
    ends, whole_ends = row.latency_gain_ci, unpruned.latency_gain_ci
    if ends is None or whole_ends is None or min(*ends, *whole_ends) <= 0:
        return ratio, None
    below = math.hypot(math.log(whole / whole_ends[0]), math.log(ends[1] / gain))
    above = math.hypot(math.log(whole_ends[1] / whole), math.log(gain / ends[0]))
    return ratio, (ratio * math.exp(-below), ratio * math.exp(above))


def _accuracies(
    key: str,
    heading: str,
    accuracy: Callable[[PivotRow], float | None],
    unpruned: tuple[Point | None, float | None],
    prefix: str = "",
) -> Iterable[PivotColumn]:
    """An accuracy, and its points above that of the unpruned network, which is of this point."""
    itself, whole = unpruned

    def points(row: PivotRow) -> float | None:
        share = accuracy(row)
        return None if share is None or whole is None else 100 * (share - whole)

    def text(row: PivotRow) -> str:
        above = points(row)
        beside = "" if above is None or row.point == itself else f" ({above:+.2f})"
        return f"{100 * (accuracy(row) or 0):.2f}{beside}"

    yield PivotColumn(key=f"{prefix}accuracy_{key}", title=heading, value=accuracy, text=text)
    yield PivotColumn(key=f"{prefix}points_{key}", value=points)


def _published_of(point: Point, published: Iterable[Published]) -> Published | None:
    return next((row for row in published if row.matches(point)), None)


def _fraction(row: PivotRow) -> str:
    return f"{row.point.fraction:g}"


def _latency(row: Row) -> str:
    return f"{number(row.latency_ms)} {half_percent(row)}{' dirty' if row.dirty else ''}"
