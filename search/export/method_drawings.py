"""Method drawings: the seven figures of a grid of methods, whoever draws them."""

from collections.abc import Sequence
from dataclasses import dataclass

from search.results.methods import (
    ACCURACY,
    ENERGY,
    FILE,
    PACKED,
    PER_MB,
    PER_POINT,
    POINTS,
    Figure,
    MethodRow,
    Methods,
    Shown,
)
from space.pruning.criteria import method_title


@dataclass(frozen=True, slots=True)
class Drawing:
    upwards: Shown
    # None: the sparsity.
    across: Shown | None = None
    # The same of another kind, dashed.
    beside: Shown | None = None

    @property
    def title(self) -> str:
        against = f"{self.across.title} ({self.across.unit})" if self.across else "sparsity"
        return f"{self.upwards.title[0].upper()}{self.upwards.title[1:]} against {against}"

    def x(self, row: MethodRow) -> float:
        return row.sparsity if self.across is None else self.across.of(row).value

    def y(self, row: MethodRow) -> Figure:
        return self.upwards.of(row)


DRAWINGS = (
    Drawing(ACCURACY),
    Drawing(ENERGY),
    Drawing(PACKED, beside=FILE),
    Drawing(ENERGY, across=PACKED),
    Drawing(PER_MB),
    Drawing(PER_POINT),
    Drawing(POINTS),
)


@dataclass(frozen=True, slots=True)
class Line:
    """A method's networks by rising sparsity, in one runtime."""

    name: str
    # Its place among the methods, which its colour and its marker are of.
    place: int
    rows: Sequence[MethodRow]


def drawn_lines(methods: Methods) -> list[Line]:
    """In the first runtime; where there are several, that of the others is in the table."""
    return [
        Line(method_title(criterion), place, rows)
        for place, criterion in enumerate(methods.criteria)
        if (rows := methods.of(criterion, methods.runtimes[0]))
    ]


def unpruned_row(methods: Methods) -> MethodRow | None:
    return next((row for row in methods.rows if not row.point.fraction), None)
