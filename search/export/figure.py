"""Figure: accuracy against latency as a picture for paper and slides; and the importances as bars."""

import textwrap
import warnings
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from search.export.figure_labels import INK, WON, place_labels
from search.export.scatter import APART, BASELINE, DOMINATED, FRONT, Point, Scatter, scatter
from search.results.basis import Basis, basis
from search.results.standings import Standings
from search.scoring.objectives import OBJECTIVES
from search.store.store import Store

# Okabe and Ito's colours: told apart by every kind of eye, and in grey by their markers.
_BLUE, _GREY, _LINE = "#0072B2", "#9A9A9A", "#B07400"
_SIZE_INCHES, _DPI = (10.0, 6.25), 200


@contextmanager
def style() -> Iterator[None]:
    """The same file for the same figures; letters stay letters in a PDF."""
    chosen: dict[Any, Any] = {
        "svg.hashsalt": "search",
        "pdf.fonttype": 42,
        "font.size": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        # A board's name may hold a dollar.
        "text.parse_math": False,
    }
    with mpl.rc_context(chosen), warnings.catch_warnings():
        # A board's name may have letters that the font lacks: they become boxes.
        warnings.filterwarnings("ignore", "Glyph .* missing from", UserWarning)
        yield


def write_figure(path: Path, ending: str, store: Store, standings: Standings) -> None:
    with style():
        save(front_figure(standings, scatter(standings, OBJECTIVES["latency"]), basis(store, standings)), path, ending)


class Share(Protocol):
    """A bar: a dimension's share, and whether it is more than chance."""

    @property
    def dimension(self) -> str: ...
    @property
    def share(self) -> float: ...
    @property
    def told(self) -> bool: ...


def write_bars(path: Path, ending: str, heading: str, titles: Sequence[str], panels: Sequence[Sequence[Share]]) -> None:
    """A panel for each title, a bar for each dimension."""
    with style():
        tallest = max(map(len, panels))
        figure = Figure(figsize=(5.5 * len(panels), 1.2 + 0.24 * tallest), layout="constrained")
        figure.suptitle(wrapped([heading], 75 * len(panels)), x=0.01, ha="left", fontsize=10)
        for place, (title, bars) in enumerate(zip(titles, panels, strict=True), start=1):
            axes = figure.add_subplot(1, len(panels), place)
            rising = list(reversed(bars))
            axes.barh(
                [bar.dimension for bar in rising],
                [100 * bar.share for bar in rising],
                color=[_BLUE if bar.told else _GREY for bar in rising],
            )
            axes.set_title(title, loc="left", fontsize=9)
            axes.set_xlabel("share of the importance, %")
            axes.tick_params(axis="y", labelsize=8)
            axes.margins(y=0.01)
        save(figure, path, ending)


def save(figure: Figure, path: Path, ending: str) -> None:
    dateless = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    figure.savefig(path, format=ending.removeprefix("."), dpi=_DPI, metadata=dateless.get(ending))


def front_figure(standings: Standings, shown: Scatter, about: Basis) -> Figure:
    figure = Figure(figsize=_SIZE_INCHES, dpi=100)
    FigureCanvasAgg(figure)
    title, first, below = wrapped([about.title], 85), wrapped(about.first, 130), wrapped(about.lines, 105)
    # Heights of a line of each, as shares of the figure's.
    under_title = 0.985 - 0.037 * _count(title)
    top = under_title - 0.026 * _count(first) - 0.02
    bottom = 0.105 + max(0.0215 * _count(below), 0.2)
    axes = figure.add_axes((0.07, bottom, 0.915, top - bottom))
    figure.text(0.012, 0.985, title, fontsize=13, fontweight="bold", color=INK, va="top")
    figure.text(0.012, under_title, first, fontsize=8.5, color=WON, va="top")
    figure.text(0.012, bottom - 0.095, below, fontsize=7, color="#555555", va="top", linespacing=1.3)
    _frame(axes, shown, standings)
    _points(axes, shown)
    figure.legend(
        loc="upper right", bbox_to_anchor=(0.995, bottom - 0.085), fontsize=8, frameon=False, labelspacing=0.35
    )
    figure.canvas.draw()
    place_labels(axes, shown)
    return figure


def wrapped(lines: Iterable[str], width: int) -> str:
    return "\n".join(part for line in lines for part in textwrap.wrap(line, width))


def _count(text: str) -> int:
    return text.count("\n") + 1 if text else 0


def _frame(axes: Axes, shown: Scatter, standings: Standings) -> None:
    goal = standings.goal
    low = min([point.interval[0] for point in shown.points if point.interval[0] > 0])
    high = max([point.interval[1] for point in shown.points])
    # A decade at least, and room for labels at the ends.
    room = max((high / low) ** 0.06, (10 / (high / low)) ** 0.5)
    axes.set_xscale("log")
    axes.set_xlim(low / room, high * room)
    few = high / low * room**2 < 1e4
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if few else (1.0,), numticks=30))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}" if value >= 1 else f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    least = min([point.share_interval[0] for point in shown.points] + [goal.minimum_accuracy])
    axes.set_ylim(max(100 * least - 3, 0), 101.5)
    axes.set_xlabel(f"{shown.objective.axis} (logarithmic)")
    axes.set_ylabel("accuracy, %")
    axes.grid(visible=True, color="#E6E6E6", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.axhline(
        100 * goal.minimum_accuracy,
        color=_LINE,
        linewidth=1.4,
        label=f"the line: {100 * goal.minimum_accuracy:g} % on test",
    )
    if goal.margin:
        axes.axhline(
            100 * goal.least_accuracy,
            color=_LINE,
            linewidth=1,
            linestyle=(0, (4, 3)),
            label=f"with its margin: {100 * goal.least_accuracy:.2f} % on validation",
        )


# Role: colour, marker, size, what the legend says.
_MARKS = {
    DOMINATED: (_GREY, "o", 3.5, "dominated: another is as cheap and more accurate"),
    APART: (_GREY, "x", 4.5, "dirty, or of another provenance: not compared"),
    FRONT: (_BLUE, "o", 6, "on the front (filled: accuracy on test, hollow: on validation)"),
    BASELINE: (INK, "D", 6.5, "the unpruned baseline"),
}


def _points(axes: Axes, shown: Scatter) -> None:
    line = shown.front
    axes.plot(
        [point.value for point in line],
        [100 * point.share for point in line],
        color=_BLUE,
        linewidth=1.2,
        drawstyle="steps-post",
        zorder=2,
    )
    for role, (colour, marker, size, title) in _MARKS.items():
        few = role in (FRONT, BASELINE)
        if any(point.role == role for point in shown.points):
            face = "white" if few else colour
            axes.plot([], [], linestyle="none", marker=marker, markersize=size, color=colour, mfc=face, label=title)
        for confirmed in (False, True):
            points = [point for point in shown.points if point.role == role and point.confirmed == confirmed]
            if not points:
                continue
            _bars(axes, points, colour, faint=not few)
            axes.plot(
                [point.value for point in points],
                [100 * point.share for point in points],
                linestyle="none",
                marker=marker,
                markersize=size,
                color=colour,
                markerfacecolor=colour if confirmed or not few else "white",
                markeredgewidth=1.3 if few else 1,
                zorder=4 if few else 3,
                label="_",
            )
    won = [point for point in shown.points if point.wins]
    if won:
        ring: dict[str, Any] = {"linestyle": "none", "marker": "o", "mfc": "none", "mec": WON, "mew": 1.6}
        axes.plot([], [], markersize=8, label="a winner of those that hold the line", **ring)
        axes.plot(
            [point.value for point in won],
            [100 * point.share for point in won],
            markersize=13,
            zorder=5,
            **ring,
        )


def _bars(axes: Axes, points: Sequence[Point], colour: str, *, faint: bool) -> None:
    """Draws both intervals of each point."""
    values, shares = [point.value for point in points], [100 * point.share for point in points]
    across = [[abs(point.value - point.interval[end]) for point in points] for end in (0, 1)]
    along = [[100 * abs(point.share - point.share_interval[end]) for point in points] for end in (0, 1)]
    axes.errorbar(
        values,
        shares,
        xerr=across,
        yerr=along,
        fmt="none",
        ecolor=colour,
        elinewidth=0.5 if faint else 0.9,
        alpha=0.3 if faint else 0.75,
        zorder=1,
    )
