"""Plots of the milestones: accuracy and latency by fraction, epochs and quantization."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pptx.enum.chart import XL_MARKER_STYLE

from search.export.deck import style
from search.export.deck.charts import Axis, Series, Span
from search.export.deck.material import Material
from search.export.deck.plots import Plot, accuracy_scale, accuracy_span, line_series
from search.export.deck.scale import linear, logarithmic
from search.results.findings import quantization_name
from search.results.pruned_fractions import mean_fraction, uniform_fraction
from search.results.rows import Row

_EPOCH_INKS = (style.GREY, style.SKY, style.BLUE, style.GREEN, style.ORANGE, style.PURPLE)
_QUANTIZATION_INKS = {"fp32": style.INK, "dynamic uint8": style.ORANGE, "static int8": style.BLUE}
_MARKERS = (XL_MARKER_STYLE.CIRCLE, XL_MARKER_STYLE.SQUARE, XL_MARKER_STYLE.TRIANGLE, XL_MARKER_STYLE.DIAMOND)
_SIGNS = "●■▲◆"


@dataclass(frozen=True, slots=True)
class Point:
    row: Row
    fraction: float
    uniform: bool


def points_of(rows: Iterable[Row]) -> list[Point]:
    found = []
    for row in rows:
        uniform = uniform_fraction(row.recipe)
        fraction = uniform if uniform is not None else mean_fraction(row.recipe)
        if fraction is not None:
            found.append(Point(row, fraction, uniform is not None))
    return sorted(found, key=lambda point: point.fraction)


def milestone_plots(
    made: Material, rows: Sequence[Row], *, quantized: bool
) -> tuple[list[tuple[str, str]], list[tuple[str, Plot]]]:
    """What the colours mean; accuracy against fraction, accuracy against parameters, latency against fraction."""
    points = points_of(rows)
    groups = _by_quantization(points) if quantized else _by_epochs(points)
    longest = _longest(groups) if quantized else groups
    one_latency = groups if quantized else {"all": (style.INK, points)}
    fractions = linear([0.0, *(point.fraction for point in points)], ticks=6, least=0, most=1)
    x_title = "Fraction pruned" if all(point.uniform for point in points) else "Mean fraction pruned"
    accuracies = accuracy_scale([100 * point.row.accuracy for point in points], made)
    parameters = logarithmic(point.row.parameters / 1e6 for point in points)
    line = 100 * made.goal.minimum_accuracy
    by_fraction = [*_lines(longest, lambda one: (one.fraction, 100 * one.row.accuracy), accuracy_span),
                   line_series(line, fractions.low, fractions.high)]  # fmt: skip
    by_parameters = [*_lines(groups, lambda one: (one.row.parameters / 1e6, 100 * one.row.accuracy),
                             accuracy_span, joined=not quantized),
                     line_series(line, parameters.low, parameters.high)]  # fmt: skip
    structures = {name: (ink, _of_structures(points)) for name, (ink, points) in one_latency.items()}
    latencies = _lines(structures, lambda one: (one.fraction, one.row.latency_ms), _latency_span)
    scale = logarithmic([point.row.latency_ms for point in points])
    key = [(f"{_SIGNS[place % len(_SIGNS)]} {name}", ink) for place, (name, (ink, _)) in enumerate(groups.items())]
    key.append((f"- - {line:g} % line", style.INK))
    return key, [
        ("Accuracy (%) by fraction", Plot(by_fraction, Axis(x_title, fractions), Axis("", accuracies))),
        ("Accuracy (%) by parameters", Plot(by_parameters, Axis("Parameters (million)", parameters),
                                            Axis("", accuracies))),
        ("Latency (ms) by fraction", Plot(latencies, Axis(x_title, fractions), Axis("", scale))),
    ]  # fmt: skip


Groups = dict[str, tuple[str, list[Point]]]


def _by_epochs(points: Sequence[Point]) -> Groups:
    """The unpruned network belongs to each: nothing was to be tuned."""
    counts = sorted({_epochs(point) for point in points if point.fraction} or {0})
    named = {f"{count} epoch{'' if count == 1 else 's'}": count for count in counts}
    return {
        name: (_EPOCH_INKS[place % len(_EPOCH_INKS)],
               [point for point in points if _epochs(point) == count or not point.fraction])
        for place, (name, count) in enumerate(named.items())
    }  # fmt: skip


def _by_quantization(points: Sequence[Point]) -> Groups:
    there = {quantization_name(point.row) for point in points}
    return {
        name: (ink, [point for point in points if quantization_name(point.row) == name])
        for name, ink in _QUANTIZATION_INKS.items()
        if name in there
    }


def _longest(groups: Groups) -> Groups:
    """Of each fraction the one that was tuned longest."""
    kept: Groups = {}
    for name, (ink, points) in groups.items():
        longest: dict[float, Point] = {}
        for point in points:
            rival = longest.get(point.fraction)
            if rival is None or _epochs(point) > _epochs(rival):
                longest[point.fraction] = point
        kept[name] = (ink, list(longest.values()))
    return kept


def _of_structures(points: Sequence[Point]) -> list[Point]:
    """Latency does not depend on the weights."""
    return list({point.row.structure_id: point for point in points}.values())


def _latency_span(row: Row) -> Span:
    return row.latency_ms - row.latency_ci_ms[0], row.latency_ci_ms[1] - row.latency_ms


def _lines(
    groups: Groups, at: Callable[[Point], Span], span: Callable[[Row], Span], *, joined: bool = True
) -> list[Series]:
    drawn = []
    for place, (name, (ink, points)) in enumerate(groups.items()):
        shown = sorted(points, key=at)
        drawn.append(
            Series(
                name,
                [at(point) for point in shown],
                ink,
                _MARKERS[place % len(_MARKERS)],
                8,
                line=joined and all(point.uniform for point in shown),
                upwards=[span(point.row) for point in shown],
            )
        )
    return [one for one in drawn if one.points]


def _epochs(point: Point) -> int:
    return point.row.recipe.epochs
