"""Figure labels: the names of winners and baseline in a figure, each where it covers nothing that matters."""

from collections.abc import Sequence
from typing import Any, Literal

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.text import Annotation, Text
from matplotlib.transforms import Bbox

from search.export.scatter import BASELINE, FRONT, Scatter, label

# The colours of a winner (Okabe and Ito's vermilion) and of everything else that is named.
WON, INK = "#D55E00", "#1A1A1A"
# Places where a label may stand, from its point, in points of type.
_PLACES = [
    (across, up) for far in (14, 28, 44, 62, 82, 104) for up in (far, -far) for across in (10, -10, 0)
] + [(18, 0), (-18, 0)]  # fmt: skip
_STYLE: dict[str, Any] = {"textcoords": "offset points", "fontsize": 9, "fontweight": "bold", "zorder": 6}


def place_labels(axes: Axes, shown: Scatter) -> list[Annotation]:
    """Names winners and baseline; each label where it covers neither another, nor a marker that matters."""
    canvas = axes.figure.canvas
    assert isinstance(canvas, FigureCanvasAgg)
    renderer: RendererAgg = canvas.get_renderer()  # type: ignore[no-untyped-call]
    inside = axes.get_window_extent(renderer)
    obstacles: list[Bbox] = []
    others: list[Bbox] = []
    for point in shown.points:
        x, y = axes.transData.transform((point.value, 100 * point.share))
        if point.role in (FRONT, BASELINE):
            obstacles.append(Bbox.from_bounds(x - 7, y - 7, 14, 14))
        else:
            others.append(Bbox.from_bounds(x - 2, y - 2, 4, 4))
    annotations = []
    for point in shown.points:
        if not point.wins and point.role != BASELINE:
            continue
        text, at = label(point, shown.objective), (point.value, 100 * point.share)
        probe = axes.annotate(text, at, xytext=(0, 0), **_STYLE)
        place = _place(probe, renderer, inside, obstacles, others)
        probe.remove()
        sideways, upright = _alignment(place)
        annotation = axes.annotate(
            text,
            at,
            xytext=place,
            ha=sideways,
            va=upright,
            color=WON if point.wins else INK,
            arrowprops={
                "arrowstyle": "-",
                "color": "#888888",
                "linewidth": 0.7,
                "shrinkB": 6,
                # The arrow starts at the end of the words that is next to the point.
                "relpos": ({"left": 0.03, "right": 0.97, "center": 0.5}[sideways], 0.5),
            },
            bbox={"boxstyle": "round,pad=0.15", "facecolor": "white", "alpha": 0.85, "edgecolor": "none"},
            **_STYLE,
        )
        obstacles.append(label_box(annotation, renderer))
        annotations.append(annotation)
    return annotations


def _place(
    annotation: Annotation, renderer: RendererAgg, inside: Bbox, obstacles: Sequence[Bbox], others: Sequence[Bbox]
) -> tuple[float, float]:
    """Where it lies inside, covers nothing that matters, few of the others, and is near."""

    def cost(place: tuple[float, float]) -> float:
        annotation.set_position(place)
        sideways, upright = _alignment(place)
        annotation.set_horizontalalignment(sideways)
        annotation.set_verticalalignment(upright)
        box = label_box(annotation, renderer)
        outside = box.x0 < inside.x0 or box.x1 > inside.x1 or box.y0 < inside.y0 or box.y1 > inside.y1
        covers, crowds = (sum(map(box.overlaps, boxes)) for boxes in (obstacles, others))
        return float(1000 * outside + 100 * covers + 10 * crowds + abs(place[1]) / 5)

    return min(_PLACES, key=cost)


def _alignment(
    place: tuple[float, float],
) -> tuple[Literal["left", "right", "center"], Literal["bottom", "top", "center"]]:
    across, up = place
    return (
        "left" if across > 0 else "right" if across < 0 else "center",
        "bottom" if up > 0 else "top" if up < 0 else "center",
    )


def label_box(annotation: Annotation, renderer: RendererAgg) -> Bbox:
    """The box of the words alone: an annotation's own reaches to its point."""
    annotation.update_positions(renderer)
    box: Bbox = Text.get_window_extent(annotation, renderer).padded(2)
    return box
