"""Methods: a grid whose fractions are of the parameters: what each network costs, brings, and brings for what it costs;
its tables and their averages."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from evaluators.provenance import Kind
from search.results.columns import Value
from search.results.interval_figure import Figure, mean
from search.results.method_row import (
    ACCURACY,
    ENERGY,
    LATENCY,
    PACKED,
    PER_MB,
    PER_POINT,
    POINTS,
    SHOWN,
    MethodRow,
    Shown,
)
from search.results.published import Published
from search.results.standings import Standings
from search.results.wording import number
from search.settings.grid import Grid
from space.data.choose import described
from space.formats.quantizations import title
from space.formats.target import title_of
from space.pruning.criteria import CRITERIA, WEIGHT_METHODS, method_title

_UNKNOWN = "-"
# What the deck, the tables and the picture of such a grid are called.
METHODS = "methods"
# What a table of averages has, and what was published of it.
AVERAGED = (ACCURACY, PACKED, ENERGY, PER_POINT, POINTS)


@dataclass(frozen=True, slots=True)
class Average:
    """The averages of one method over its sparsities, beside those published."""

    criterion: str
    figures: Mapping[str, Figure]
    published: Published | None
    # Whether others used the device while one of them was timed.
    dirty: bool


@dataclass(frozen=True)
class Methods:
    rows: tuple[MethodRow, ...]
    published: tuple[Published, ...]
    # Accuracy of answers by chance, in points; None for images that are not known here.
    chance: float | None
    # How many points there are.
    asked: int

    @property
    def pruned(self) -> list[MethodRow]:
        return [row for row in self.rows if row.point.fraction]

    @property
    def criteria(self) -> list[str]:
        order = (*CRITERIA, *WEIGHT_METHODS)
        return sorted({str(row.point.criterion) for row in self.pruned}, key=order.index)

    def of(self, criterion: str, runtime: str | None = None) -> list[MethodRow]:
        """The rows of a method by rising sparsity; of several numbers of epochs the most."""
        rows = [row for row in self.pruned if row.point.criterion == criterion and runtime in (None, row.point.runtime)]
        longest = {row.asked: row for row in sorted(rows, key=lambda row: row.point.epochs)}
        return [longest[asked] for asked in sorted(longest)]

    @property
    def runtimes(self) -> list[str]:
        return list(dict.fromkeys(row.point.runtime for row in self.rows))

    @property
    def energy_kind(self) -> str:
        """The kind of the energy: measured, estimated, or predicted."""
        kinds = dict.fromkeys(str(row.row.energy_provenance.kind) for row in self.rows)
        return " and ".join(kinds)

    @cached_property
    def averages(self) -> list[Average]:
        """The averages in the first runtime, each number over the method's sparsities."""
        of_methods = []
        for criterion in self.criteria:
            rows = self.of(criterion, self.runtimes[0])
            if rows:
                figures = {shown.key: mean([shown.of(row) for row in rows]) for shown in AVERAGED}
                dirty = any(row.row.dirty for row in rows)
                of_methods.append(Average(criterion, figures, self._published(criterion), dirty))
        return of_methods

    def _published(self, criterion: str) -> Published | None:
        return next((row for row in self.published if row.is_average and row.criterion == criterion), None)

    # --- as tables

    def heading(self, shown: Shown) -> str:
        return shown.head + self._origin(shown)

    def axis(self, shown: Shown) -> str:
        return shown.unit + self._origin(shown)

    def _origin(self, shown: Shown) -> str:
        """The origin of an energy that no meter read."""
        unmeasured = shown in (ENERGY, PER_MB, PER_POINT) and self.energy_kind != Kind.MEASURED
        return f", {self.energy_kind}" if unmeasured else ""

    @property
    def _integrated(self) -> bool:
        return any(row.row.integrated_mwh_per_2000 is not None for row in self.rows)

    def texts(self) -> tuple[list[str], list[list[str]]]:
        several = [name for name in ("quantization", "runtime", "epochs") if self._several(name)]
        headings = [
            *("method", *several, "sparsity", "reached"),
            *map(self.heading, SHOWN),
            *(["mWh by trapezoid"] if self._integrated else []),
        ]
        return headings, [
            [
                row.name,
                *(_NAMED[name](row) for name in several),
                f"{row.asked:g}",
                f"{row.sparsity:.3f}",
                *(_text(shown, row) for shown in SHOWN),
                *([_known(row.row.integrated_mwh_per_2000)] if self._integrated else []),
            ]
            for row in self.rows
        ]

    def _several(self, name: str) -> bool:
        return len({getattr(row.point, name) for row in self.pruned}) > 1

    def average_texts(self) -> tuple[list[str], list[list[str]]]:
        """The averages over the sparsities; beside them what was published of them."""
        published = [
            shown
            for shown in AVERAGED
            if any(_published_value(average, shown) is not None for average in self.averages)
        ]
        headings = ["method", *map(self.heading, AVERAGED), *(f"published {shown.head}" for shown in published)]
        cells = [
            [
                method_title(average.criterion),
                *(_average_text(shown, average) for shown in AVERAGED),
                *(_known(_published_value(average, shown)) for shown in published),
            ]
            for average in self.averages
        ]
        return headings, cells

    def records(self) -> list[dict[str, Value]]:
        """Rows in full, for programs."""
        return [
            {
                **row.point._asdict(),
                "recipe_id": row.row.recipe_id,
                "sparsity": row.sparsity,
                **{key: value for shown in SHOWN for key, value in _with_ends(shown.key, shown.of(row)).items()},
                "latency_ms": row.row.latency_ms,
                "integrated_mwh_per_2000": row.row.integrated_mwh_per_2000,
                "energy_is": str(row.row.energy_provenance.kind),
                "dirty": "yes" if row.row.dirty else "no",
            }
            for row in self.rows
        ]

    def average_records(self) -> list[dict[str, Value]]:
        return [
            {
                "criterion": average.criterion,
                "dirty": "yes" if average.dirty else "no",
                **{
                    key: value
                    for name, figure in average.figures.items()
                    for key, value in _with_ends(name, figure).items()
                },
                **{f"published_{shown.key}": _published_value(average, shown) for shown in AVERAGED},
            }
            for average in self.averages
        ]

    def as_dict(self) -> dict[str, Any]:
        return {"rows": self.records(), "averages": self.average_records()}

    def lines(self) -> list[str]:
        """What the tables compare."""
        unpruned = self.rows[0].unpruned
        kind = f"{title(unpruned.recipe.quantization)} in {title_of(unpruned.recipe.runtime)}"
        lines = [
            f"sparsity is the share of the unpruned network's {unpruned.parameters:,} parameters that is gone or zero; "
            f"accuracy on validation; energies {self.energy_kind}",
            f"energies and latencies are taken beside the unpruned network ({kind}, {number(unpruned.latency_ms)} ms), "
            "timed again beside each, as machines change their speed",
            "a compressed file is what DEFLATE makes of it at its highest level; MB in quotients are of that",
        ]
        if any(row.row.dirty for row in self.rows):
            lines.append("others used the device while some were timed: those are dirty, and their energies doubtful")
        return lines


def _published_value(average: Average, shown: Shown) -> float | None:
    return average.published.averages.get(shown.key) if average.published else None


_NAMED: dict[str, Callable[[MethodRow], str]] = {
    "quantization": lambda row: title(row.point.quantization),
    "runtime": lambda row: title_of(row.point.runtime),
    "epochs": lambda row: str(row.point.epochs),
}


def _text(shown: Shown, row: MethodRow) -> str:
    figure = shown.of(row)
    dirty = " dirty" if shown is LATENCY and row.row.dirty else ""
    if shown is ACCURACY:
        return _points(figure)
    return f"{number(figure.value)} {_half(figure)}".rstrip() + dirty


def _points(figure: Figure) -> str:
    return f"{figure.value:.2f} ±{figure.half:.1f}"


def _half(figure: Figure) -> str:
    """±2.1 %; nothing of what is exact."""
    if not figure.half or not figure.value:
        return ""
    return f"±{100 * figure.half / figure.value:.1f} %" if math.isfinite(figure.half) else "±?"


def _average_text(shown: Shown, average: Average) -> str:
    figure = average.figures[shown.key]
    if shown is ACCURACY:
        return _points(figure)
    dirty = " dirty" if average.dirty and shown in (ENERGY, PER_POINT) else ""
    return f"{number(figure.value)} {_half(figure)}".rstrip() + dirty


def _known(value: float | None) -> str:
    return _UNKNOWN if value is None else number(value)


def _with_ends(key: str, figure: Figure) -> dict[str, Value]:
    def known(value: float) -> float | None:
        return value if math.isfinite(value) else None

    low, high = figure.ends
    ends = {} if low == high else {f"{key}_low": known(low), f"{key}_high": known(high)}
    return {key: known(figure.value), **ends}


def methods(standings: Standings) -> Methods | None:
    """The methods of a grid; None for what is no such grid, and where its unpruned network has not been measured
    yet."""
    goal = standings.goal
    if not goal.grid or not Grid.from_json(goal.grid).of_parameters:
        return None
    points = standings.points()
    unpruned = {(point.runtime, point.quantization): row for point, row in points.items() if row and not point.fraction}
    rows = [
        MethodRow(point, row, unpruned[point.runtime, point.quantization])
        for point, row in points.items()
        if row is not None and row.packed_mb is not None and (point.runtime, point.quantization) in unpruned
    ]
    if not rows:
        return None
    collection = described(goal.data)
    return Methods(tuple(rows), standings.published, 100 / collection.classes if collection else None, len(points))
