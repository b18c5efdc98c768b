"""Method drawings: the seven figures of a grid of methods, whoever draws them."""

from collections.abc import Sequence
from dataclasses import dataclass

from search.results.interval_figure import Figure
from search.results.method_row import (
    ACCURACY,
    ENERGY,
    FILE,
    PACKED,
    PER_MB,
    PER_POINT,
    POINTS,
    MethodRow,
    Shown,
)
from search.results.methods import Methods
from space.pruning.criteria import method_title

# An interval that reaches beyond so many times its figure is not drawn: the table has it.
_FARTHEST = 3.0


@dataclass(frozen=True, slots=True)
class Drawing:
    title: str
    upwards: Shown
    # None: the sparsity.
    across: Shown | None = None
    # The same of another kind, dashed.
    beside: Shown | None = None

    def x(self, row: MethodRow) -> float:
        return row.sparsity if self.across is None else self.across.of(row).value

    def y(self, row: MethodRow) -> Figure:
        return self.upwards.of(row)


DRAWINGS = (
    Drawing("Accuracy by sparsity", ACCURACY),
    Drawing("Energy by sparsity", ENERGY),
    Drawing("Size, compressed, by sparsity", PACKED, beside=FILE),
    Drawing("Energy by size", ENERGY, across=PACKED),
    Drawing("Energy per MB by sparsity", PER_MB),
    Drawing("Energy per accuracy point by sparsity", PER_POINT),
    Drawing("Accuracy points per MB by sparsity", POINTS),
)


def bars(figure: Figure) -> tuple[float, float]:
    """Below and above a point; none where the end is not known, or so far away that it would hide all others."""
    if figure.ends[1] > _FARTHEST * figure.value:
        return 0.0, 0.0
    return figure.value - figure.ends[0], figure.ends[1] - figure.value


@dataclass(frozen=True, slots=True)
class Line:
    """A method's networks by rising sparsity, in one runtime."""

    name: str
    # The method's place among the methods, which its colour and its marker are of.
    place: int
    rows: Sequence[MethodRow]


def drawn_lines(methods: Methods) -> list[Line]:
    """The lines of the first runtime; where there are several, what the others give is in the table."""
    return [
        Line(method_title(criterion), place, rows)
        for place, criterion in enumerate(methods.criteria)
        if (rows := methods.of(criterion, methods.runtimes[0]))
    ]


def unpruned_row(methods: Methods) -> MethodRow | None:
    return next((row for row in methods.rows if not row.point.fraction), None)
