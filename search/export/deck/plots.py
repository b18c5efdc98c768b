"""Plots: which rows a chart shows, and as what."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from pptx.enum.chart import XL_MARKER_STYLE

from evaluators.provenance import Kind
from search.export.deck import style
from search.export.deck.charts import Axis, Series, Span
from search.export.deck.material import Material
from search.export.deck.scale import Scale, linear, logarithmic
from search.results.front import front
from search.results.rows import Row
from search.results.tables import known

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
    rows = [row for row in made.rows if known(cost.value(row))]
    baseline = made.baseline
    if not rows and not known(cost.value(baseline)):
        return None
    floor = min(made.goal.minimum_accuracy, baseline.accuracy) - _DEPTH
    shown = [row for row in rows if row.accuracy >= floor]
    if not shown:
        shown = rows
    comparable = _of_one_kind(shown) if against == "energy" else shown
    leading = front(comparable, against)
    led = {row.recipe_id for row in leading}
    confirmed = any(row.stage == "confirm" for row in made.rows)
    unconfirmed = [row for row in leading if confirmed and row.stage != "confirm"]
    apart = [row for row in shown if row not in comparable or row.dirty or row.gated]
    others = [row for row in comparable if row.recipe_id not in led and row not in apart]

    def series(name: str, some: Sequence[Row], ink: str, **looks: object) -> Series:
        points = [(cost.value(row), 100 * row.accuracy) for row in some]
        return Series(name, points, ink, **looks)  # type: ignore[arg-type]

    def exact(some: Sequence[Row]) -> dict[str, object]:
        spans = [cost.interval(row) for row in some]
        return {
            "across": [(cost.value(row) - low, high - cost.value(row))
                       for row, (low, high) in zip(some, spans, strict=True)],
            "upwards": [accuracy_span(row) for row in some],
        }  # fmt: skip

    drawn = [
        series("beaten in both", others, style.GREY, size=6),
        series(_why_apart(apart), apart, style.GREY, size=6, marker=XL_MARKER_STYLE.X),
        series("front", leading, style.BLUE, line=True, **exact(leading)),
        series("on the front, not confirmed", unconfirmed, style.GREY, size=9),
    ]
    for name, row in made.winners.items():
        if row in shown:
            title, ink, marker, _ = WINNERS[name]
            # One that wins more than once: what is drawn later is smaller.
            size = 16 - 3 * sum(one.points == [(cost.value(row), 100 * row.accuracy)] for one in drawn[4:])
            drawn.append(series(title, [row], ink, marker=marker, size=size, named=True))
    if known(cost.value(baseline)):
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
        (row for row in made.rows if row.trial is not None and known(row.fom) and row.fom > 0),
        key=lambda row: row.trial or 0,
    )
    if not rows:
        return None
    comparable = _of_one_kind(rows)
    able = [row for row in comparable if row.feasible and not row.dirty and not row.gated]
    able = [row for row in able if row.energy_provenance.kind is not Kind.PREDICTED]
    best: list[Span] = []
    for row in able:
        if not best or row.fom > best[-1][1]:
            # A step: the earlier best holds until now.
            best += [(row.trial or 0, best[-1][1])] if best else []
            best.append((row.trial or 0, row.fom))
    last = max(row.trial or 0 for row in rows)
    if best:
        best.append((last, best[-1][1]))
    rest = [row for row in rows if row not in able]

    def series(name: str, some: Sequence[Row], ink: str, marker: XL_MARKER_STYLE) -> Series:
        return Series(name, [(row.trial or 0, row.fom) for row in some], ink, marker)

    drawn = [
        series("below the line, dirty or predicted", rest, style.GREY, XL_MARKER_STYLE.X),
        series("holds the line", able, style.BLUE, XL_MARKER_STYLE.CIRCLE),
        Series("best so far", best, style.VERMILION, None, line=True),
    ]
    drawn = [one for one in drawn if one.points]
    figures = [row.fom for row in rows]
    trials = linear([0, max(last, 5)], least=0, most=1.03 * max(last, 5))
    return Plot(drawn, Axis("Trial", trials), Axis("FoM" + _kinds(made, "energy"), logarithmic(figures)))


def accuracy_scale(percents: Iterable[float], made: Material) -> Scale:
    return linear([*percents, 100 * made.goal.minimum_accuracy], least=0, most=100)


def accuracy_span(row: Row) -> Span:
    """Below and above, in percent."""
    low, high = row.accuracy_ci
    return 100 * (row.accuracy - low), 100 * (high - row.accuracy)


def _why_apart(rows: Sequence[Row]) -> str:
    """dirty, or energy predicted."""
    whys = {
        "dirty" if row.dirty else "given up" if row.gated else f"energy {row.energy_provenance.kind}" for row in rows
    }
    return ", ".join(sorted(whys))


def _line(made: Material, across: Scale) -> Series:
    line = 100 * made.goal.minimum_accuracy
    return line_series(line, across.low, across.high)


def line_series(percent: float, low: float, high: float) -> Series:
    return Series(f"{percent:g} % line", [(low, percent), (high, percent)], style.INK, None, line=True, dashed=True)


def _of_one_kind(rows: Sequence[Row]) -> list[Row]:
    """Figures of different provenance are not weighed against each other: the most trustworthy that there are."""
    for kind in Kind:
        same = [row for row in rows if row.energy_provenance.kind is kind]
        if same:
            return same
    return list(rows)


def _kinds(made: Material, against: str) -> str:
    kinds = [name for name in made.basis.energy_kinds if name is not Kind.MEASURED] if against == "energy" else []
    return f", {' and '.join(kinds)}" if kinds else ""
