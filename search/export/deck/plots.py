"""Plots: which of a scatter's points a slide's chart shows, and as what."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import cycle

from pptx.enum.chart import XL_MARKER_STYLE

from evaluators.provenance import Kind
from search.export.deck import style
from search.export.deck.charts import ChartAxis, Series, Span
from search.export.deck.material import Material
from search.export.deck.scale import Scale, linear, logarithmic
from search.export.scatter import APART, BASELINE, DOMINATED, FRONT, Point, scatter
from search.results.rows import Row
from search.scoring.objectives import OBJECTIVES, Objective

# How far below the line accuracies are still shown, as a fraction: further down they would squeeze the rest.
_DEPTH = 0.25


@dataclass(frozen=True, slots=True)
class Look:
    """How a contest's winner is drawn: its colour, its marker, and the sign that stands for the marker in text."""

    ink: str
    marker: XL_MARKER_STYLE
    sign: str


_LOOKS = (
    Look(style.VERMILION, XL_MARKER_STYLE.TRIANGLE, "▲"),
    Look(style.GREEN, XL_MARKER_STYLE.SQUARE, "■"),
    Look(style.ORANGE, XL_MARKER_STYLE.DIAMOND, "◆"),
    Look(style.PURPLE, XL_MARKER_STYLE.CIRCLE, "●"),
)


def winner_looks() -> dict[str, Look]:
    """The looks of winners by objective, in the order of the objectives."""
    return dict(zip(OBJECTIVES, cycle(_LOOKS), strict=False))


@dataclass(frozen=True, slots=True)
class Plot:
    series: Sequence[Series]
    across: ChartAxis
    upwards: ChartAxis
    # Rows that lie too far below, or lack the figure.
    left_out: int = 0


def front_plot(material: Material, objective: Objective) -> Plot | None:
    """The plot of the front; None where no network has the figure. What is on the front, and what stands apart, is the
    scatter's."""
    drawn = scatter(material.standings, objective)
    if not drawn.points:
        return None
    baseline = [point for point in drawn.points if point.role == BASELINE]
    networks = [point for point in drawn.points if point.role != BASELINE]
    floor = min(material.goal.minimum_accuracy, material.baseline.accuracy) - _DEPTH
    shown = [point for point in networks if point.share >= floor] or networks
    leading = [point for point in drawn.front if point.role == FRONT and point in shown]
    any_confirmed = any(row.stage == "confirm" for row in material.rows)
    unconfirmed = [point for point in leading if any_confirmed and not point.confirmed]
    dominated, apart = ([point for point in shown if point.role == role] for role in (DOMINATED, APART))
    series = [
        _series("beaten in both", dominated, style.GREY, size=6),
        _series(_why_apart(apart), apart, style.GREY, size=6, marker=XL_MARKER_STYLE.X),
        _series("front", leading, style.BLUE, line=True, with_intervals=True),
        _series("on the front, not confirmed", unconfirmed, style.GREY, size=9),
        *_winners(shown),
        _series("unpruned", baseline, style.INK, size=11, marker=XL_MARKER_STYLE.DIAMOND, with_intervals=True),
    ]
    series = [each for each in series if each.points]
    title = objective.slide_axis + (_unmeasured(material) if objective.needs_energy else "")
    across = ChartAxis(title, logarithmic(value for each in series for value, _ in each.points))
    percents = [percent for each in series for _, percent in each.points]
    upwards = ChartAxis("Accuracy (%)", accuracy_scale(percents, material))
    if series:
        series.append(line_series(100 * material.goal.minimum_accuracy, across.scale.low, across.scale.high))
    return Plot(series, across, upwards, len(material.rows) - len(shown))


def _series(
    name: str,
    points: Sequence[Point],
    ink: str,
    *,
    marker: XL_MARKER_STYLE = XL_MARKER_STYLE.CIRCLE,
    size: int = 7,
    named: bool = False,
    line: bool = False,
    with_intervals: bool = False,
) -> Series:
    places = [(point.value, 100 * point.share) for point in points]
    exact = points if with_intervals else ()
    return Series(
        name,
        places,
        ink,
        marker,
        size,
        named,
        line,
        across=[(point.value - point.interval[0], point.interval[1] - point.value) for point in exact],
        upwards=[accuracy_span(point.row) for point in exact],
    )


def _winners(shown: Sequence[Point]) -> list[Series]:
    """A network that wins more than once has several markers: what is drawn later is smaller."""
    series: list[Series] = []
    for name, look in winner_looks().items():
        won = [point for point in shown if name in point.wins]
        places = [(point.value, 100 * point.share) for point in won]
        size = 16 - 3 * sum(list(earlier.points) == places for earlier in series)
        series.append(_series(OBJECTIVES[name].title, won, look.ink, marker=look.marker, size=size, named=True))
    return series


def fom_plot(material: Material) -> Plot | None:
    """FoM of each trial, and the best so far among those that may win."""
    drawn = scatter(material.standings, OBJECTIVES["fom"])
    of_trials = {point.row.trial: point for point in drawn.points if point.row.trial is not None}
    points = [of_trials[trial] for trial in sorted(of_trials)]
    if not points:
        return None
    able = [point for point in points if point.row.feasible and _may_win(point)]
    rest = [point for point in points if point not in able]
    last = max(of_trials)
    series = [
        Series("below the line, dirty or predicted", _by_trial(rest), style.GREY, XL_MARKER_STYLE.X),
        Series("holds the line", _by_trial(able), style.BLUE, XL_MARKER_STYLE.CIRCLE),
        Series("best so far", _best_so_far(_by_trial(able), last), style.VERMILION, None, line=True),
    ]
    trials = linear([0, max(last, 5)], least=0, most=1.03 * max(last, 5))
    upwards = ChartAxis("FoM" + _unmeasured(material), logarithmic(point.value for point in points))
    return Plot([each for each in series if each.points], ChartAxis("Trial", trials), upwards)


def _may_win(point: Point) -> bool:
    """Predicted energies win nothing, even where all are predicted."""
    return point.role != APART and point.row.energy_provenance.kind is not Kind.PREDICTED


def _by_trial(points: Sequence[Point]) -> list[Span]:
    return [(point.row.trial or 0, point.value) for point in points]


def _best_so_far(foms: Sequence[Span], last: int) -> list[Span]:
    """Steps: an earlier best holds until the next one, and the last to the end."""
    best: list[Span] = []
    for trial, fom in foms:
        if not best or fom > best[-1][1]:
            best += [(trial, best[-1][1])] if best else []
            best.append((trial, fom))
    return [*best, (last, best[-1][1])] if best else []


def accuracy_scale(percents: Iterable[float], material: Material) -> Scale:
    return linear([*percents, 100 * material.goal.minimum_accuracy], least=0, most=100)


def accuracy_span(row: Row) -> Span:
    """Below and above, in percent."""
    low, high = row.accuracy_ci
    return 100 * (row.accuracy - low), 100 * (high - row.accuracy)


def _why_apart(points: Sequence[Point]) -> str:
    """dirty, or energy predicted."""
    rows = [point.row for point in points]
    whys = {
        "dirty" if row.dirty else "given up" if row.gated else f"energy {row.energy_provenance.kind}" for row in rows
    }
    return ", ".join(sorted(whys))


def line_series(percent: float, low: float, high: float) -> Series:
    return Series(f"{percent:g} % line", [(low, percent), (high, percent)], style.INK, None, line=True, dashed=True)


def _unmeasured(material: Material) -> str:
    """The kinds of energy that no meter read, for the title of an axis."""
    kinds = [kind for kind in material.basis.energy_kinds if kind is not Kind.MEASURED]
    return f", {' and '.join(kinds)}" if kinds else ""
