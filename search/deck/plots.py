"""Plots: which rows a chart shows, and as what."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pptx.enum.chart import XL_MARKER_STYLE

from search.deck import style
from search.deck.charts import Axis, Series, Span
from search.deck.material import Material
from search.deck.scale import Scale, linear, logarithmic
from search.findings import quantization_name
from search.fractions import mean_fraction, uniform_fraction
from search.front import front
from search.report import kind
from search.rows import Row
from search.tables import known

# How far below the line accuracies are still shown, as a fraction: further down they would squeeze the rest.
_DEPTH = 0.25

# How each contest's winner is called and drawn.
WINNERS = {
    "latency": ("lowest latency", style.VERMILION, XL_MARKER_STYLE.TRIANGLE, "▲"),
    "energy": ("lowest energy", style.GREEN, XL_MARKER_STYLE.SQUARE, "■"),
    "fom": ("highest FoM", style.ORANGE, XL_MARKER_STYLE.DIAMOND, "◆"),
}


@dataclass(frozen=True, slots=True)
class Plot:
    series: Sequence[Series]
    across: Axis
    upwards: Axis
    # Rows that lie too far below, or lack the figure.
    left_out: int = 0


@dataclass(frozen=True, slots=True)
class Cost:
    """What accuracy is weighed against."""

    title: str
    value: Callable[[Row], float]
    interval: Callable[[Row], Span]


COSTS = {
    "latency": Cost("Latency (ms)", lambda row: row.latency_ms, lambda row: row.latency_ci_ms),
    "energy": Cost("Energy (mJ)", lambda row: row.energy_mj, lambda row: row.energy_ci_mj),
}


def front_plot(made: Material, against: str) -> Plot | None:
    """None where no row has the figure."""
    cost = COSTS[against]
    rows = [row for row in made.rows if known(cost.value(row)) and row.accuracy is not None]
    baseline = made.baseline
    if not rows and not known(cost.value(baseline)):
        return None
    floor = min(made.goal.minimum_accuracy, baseline.accuracy or 1.0) - _DEPTH
    shown = [row for row in rows if (row.accuracy or 0) >= floor]
    if not shown:
        shown = rows
    comparable = _of_one_kind(shown) if against == "energy" else shown
    leading = front(comparable, against)
    led = {row.recipe_id for row in leading}
    others = [row for row in comparable if row.recipe_id not in led]
    apart = [row for row in shown if row not in comparable]

    def series(name: str, some: Sequence[Row], ink: str, **looks: object) -> Series:
        points = [(cost.value(row), 100 * (row.accuracy or 0)) for row in some]
        return Series(name, points, ink, **looks)  # type: ignore[arg-type]

    def exact(some: Sequence[Row]) -> dict[str, object]:
        spans = [cost.interval(row) for row in some]
        return {
            "across": [(cost.value(row) - low, high - cost.value(row))
                       for row, (low, high) in zip(some, spans, strict=True)],
            "upwards": [(100 * made.accuracy_half(row),) * 2 for row in some],
        }  # fmt: skip

    drawn = [
        series("beaten in both", others, style.GREY, size=6),
        series("energy predicted", apart, style.GREY, size=6, pale=True),
        series("front", leading, style.BLUE, line=True, **exact(leading)),
    ]
    for name, row in made.winners.items():
        if row in shown:
            title, ink, marker, _ = WINNERS[name]
            # One that wins more than once: what is drawn later is smaller.
            size = 16 - 3 * sum(one.points == [(cost.value(row), 100 * (row.accuracy or 0))] for one in drawn[3:])
            drawn.append(series(title, [row], ink, marker=marker, size=size, named=True))
    if known(cost.value(baseline)) and baseline.accuracy is not None:
        drawn.append(series("unpruned", [baseline], style.INK, size=11, marker=XL_MARKER_STYLE.DIAMOND,
                            **exact([baseline])))  # fmt: skip
    drawn = [one for one in drawn if one.points]
    across = Axis(cost.title + _kinds(made, against), logarithmic(x for one in drawn for x, _ in one.points))
    upwards = Axis("Accuracy (%)", accuracy_scale([y for one in drawn for _, y in one.points], made))
    return Plot(
        [*drawn, _line(made, across.scale)] if drawn else [],
        across,
        upwards,
        len(made.rows) - len(shown),
    )


def fom_plot(made: Material) -> Plot | None:
    """FoM of each trial, and the best so far among those that may win."""
    rows = sorted(
        (row for row in made.rows if row.trial is not None and known(row.fom) and (row.fom or 0) > 0),
        key=lambda row: row.trial or 0,
    )
    if not rows:
        return None
    comparable = _of_one_kind(rows)
    able = [row for row in comparable if row.feasible and not row.dirty and not row.gated]
    able = [row for row in able if kind(row.energy_provenance) != "predicted"]
    best: list[Span] = []
    for row in able:
        if not best or (row.fom or 0) > best[-1][1]:
            # A step: the earlier best holds until now.
            best += [(row.trial or 0, best[-1][1])] if best else []
            best.append((row.trial or 0, row.fom or 0))
    last = max(row.trial or 0 for row in rows)
    if best:
        best.append((last, best[-1][1]))
    rest = [row for row in rows if row not in able]

    def series(name: str, some: Sequence[Row], ink: str, pale: bool) -> Series:
        return Series(name, [(row.trial or 0, row.fom or 0) for row in some], ink, pale=pale)

    drawn = [
        series("below the line, dirty or predicted", rest, style.GREY, True),
        series("holds the line", able, style.BLUE, False),
        Series("best so far", best, style.VERMILION, None, line=True),
    ]
    drawn = [one for one in drawn if one.points]
    figures = [row.fom or 0 for row in rows]
    trials = linear([0, max(last, 5)], least=0, most=max(last, 5))
    return Plot(drawn, Axis("Trial", trials), Axis("FoM", logarithmic(figures)))


def accuracy_scale(percents: Iterable[float], made: Material) -> Scale:
    return linear([*percents, 100 * made.goal.minimum_accuracy], least=0, most=100)


def _line(made: Material, across: Scale) -> Series:
    line = 100 * made.goal.minimum_accuracy
    return line_series(line, across.low, across.high)


def line_series(percent: float, low: float, high: float) -> Series:
    return Series(f"{percent:g} % line", [(low, percent), (high, percent)], style.INK, None, line=True, dashed=True)


def _of_one_kind(rows: Sequence[Row]) -> list[Row]:
    """Figures of different provenance are not weighed against each other: the most trustworthy that there are."""
    for name in ("measured", "estimated", "predicted"):
        same = [row for row in rows if kind(row.energy_provenance) == name]
        if same:
            return same
    return list(rows)


def _kinds(made: Material, against: str) -> str:
    kinds = [name for name in made.energy_kinds if name != "measured"] if against == "energy" else []
    return f", {' and '.join(kinds)}" if kinds else ""


# The milestones' charts.

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
        uniform = uniform_fraction(row.recipe or {"architecture": "", "widths": ()})
        fraction = uniform if uniform is not None else mean_fraction(row.recipe or {"architecture": "", "widths": ()})
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
    accuracies = accuracy_scale([100 * (point.row.accuracy or 0) for point in points], made)
    parameters = logarithmic(point.row.parameters / 1e6 for point in points)
    line = 100 * made.goal.minimum_accuracy
    by_fraction = [*_lines(longest, lambda one: (one.fraction, 100 * (one.row.accuracy or 0))),
                   line_series(line, fractions.low, fractions.high)]  # fmt: skip
    by_parameters = [*_lines(groups, lambda one: (one.row.parameters / 1e6, 100 * (one.row.accuracy or 0)),
                             joined=not quantized),
                     line_series(line, parameters.low, parameters.high)]  # fmt: skip
    latencies = _lines(one_latency, lambda one: (one.fraction, one.row.latency_ms), spans=True)
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


def _lines(groups: Groups, at: Callable[[Point], Span], *, joined: bool = True, spans: bool = False) -> list[Series]:
    drawn = []
    for place, (name, (ink, points)) in enumerate(groups.items()):
        shown = sorted(points, key=at)
        if spans:
            shown = sorted(_of_structures(points), key=at)
        lows = [point.row.latency_ms - point.row.latency_ci_ms[0] for point in shown]
        highs = [point.row.latency_ci_ms[1] - point.row.latency_ms for point in shown]
        drawn.append(
            Series(
                name,
                [at(point) for point in shown],
                ink,
                _MARKERS[place % len(_MARKERS)],
                8,
                line=joined and all(point.uniform for point in shown),
                upwards=list(zip(lows, highs, strict=True)) if spans else (),
            )
        )
    return [one for one in drawn if one.points]


def _epochs(point: Point) -> int:
    return int((point.row.recipe or {}).get("epochs", 0))
