"""Method figure: the seven figures of a grid of methods as one picture."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from search.export.figure import save, style, wrapped
from search.export.figure_labels import INK
from search.export.method_drawings import DRAWINGS, Drawing, bars, drawn_lines, unpruned_row
from search.results.basis import basis
from search.results.methods import Methods, methods
from search.results.standings import Standings
from search.store.store import Store
from space.errors import RequestError

# These are Okabe and Ito's colours, as the deck has them.
_COLOURS = ("#0072B2", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#56B4E9")
_MARKERS = "os^DvP"
_SIZE_INCHES = (16.0, 8.6)


def write_method_figure(path: Path, ending: str, store: Store, standings: Standings) -> None:
    with style():
        save(method_figure(store, standings), path, ending)


def svg_of(store: Store, standings: Standings) -> bytes:
    """The figure as SVG, for a page."""
    held = io.BytesIO()
    with style():
        method_figure(store, standings).savefig(held, format="svg", metadata={"Date": None})
    return held.getvalue()


def method_figure(store: Store, standings: Standings) -> Figure:
    compared = methods(standings)
    if compared is None:
        raise RequestError(f"{standings.goal.id} has no figures of methods: its grid's fractions are of channels")
    figure = Figure(figsize=_SIZE_INCHES, layout="constrained")
    FigureCanvasAgg(figure)
    about = basis(store, standings)
    figure.suptitle(wrapped([about.footer], 170), x=0.01, ha="left", fontsize=9, color="#555555")
    for place, drawing in enumerate(DRAWINGS, start=1):
        _draw(figure.add_subplot(2, 4, place), drawing, compared)
    _legend(
        figure.add_subplot(2, 4, len(DRAWINGS) + 1),
        figure.axes[2],
        compared,
        [caveat.sentence for caveat in about.caveats],
    )
    return figure


def _draw(axes: Axes, drawing: Drawing, compared: Methods) -> None:
    for line in drawn_lines(compared):
        figures = [drawing.y(row) for row in line.rows]
        look: dict[str, Any] = {"color": _COLOURS[line.place % len(_COLOURS)]}
        places = [drawing.x(row) for row in line.rows]
        axes.errorbar(
            places,
            [figure.value for figure in figures],
            yerr=list(zip(*map(bars, figures), strict=True)),
            marker=_MARKERS[line.place % len(_MARKERS)],
            markersize=5,
            linewidth=1.4,
            elinewidth=0.9,
            label=line.name,
            **look,
        )
        if drawing.beside:
            beside = [drawing.beside.of(row).value for row in line.rows]
            axes.plot(places, beside, linestyle=(0, (4, 3)), linewidth=1.1, **look)
    whole = unpruned_row(compared)
    if whole is not None:
        axes.plot(
            [drawing.x(whole)], [drawing.y(whole).value], "D", color=INK, markersize=6, label="unpruned", zorder=4
        )
    if drawing.beside:
        axes.plot([], [], linestyle=(0, (4, 3)), color="#777777", label="dashed: the file as it is")
    axes.set_title(drawing.title, loc="left", fontsize=9.5)
    axes.set_ylabel(compared.axis(drawing.upwards), fontsize=9)
    across = drawing.across
    axes.set_xlabel(f"{across.title}, {across.unit}" if across else "sparsity of the parameters", fontsize=9)
    axes.grid(visible=True, color="#E6E6E6", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_ylim(bottom=0)


def _legend(axes: Axes, like: Axes, compared: Methods, caveats: Sequence[str]) -> None:
    axes.axis("off")
    handles, labels = like.get_legend_handles_labels()
    axes.legend(handles, labels, loc="upper left", frameon=False, fontsize=10)
    below = wrapped([*caveats, *(f"{text[0].upper()}{text[1:]}." for text in compared.lines())], 66)
    text = axes.text(0.0, 0.5, below, fontsize=7, color="#555555", va="top", transform=axes.transAxes)
    text.set_in_layout(False)
