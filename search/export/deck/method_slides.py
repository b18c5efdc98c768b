"""Slides of a grid of methods: approach, the table in parts, averages, the seven figures, what they show."""

from functools import partial

from pptx.enum.chart import XL_MARKER_STYLE
from pptx.presentation import Presentation as Deck

from search.export.deck import style
from search.export.deck.charts import ChartAxis, Series, draw_scatter
from search.export.deck.material import Material
from search.export.deck.parts import count, titled
from search.export.deck.plots import Plot
from search.export.deck.scale import linear
from search.export.method_drawings import DRAWINGS, Drawing, bars, drawn_lines, unpruned_row
from search.results.method_findings import method_findings
from search.results.methods import Methods, methods
from search.results.wording import calls_text, epochs_text
from search.settings.grid import Grid
from space.pruning.criteria import method_title

_INKS = (style.BLUE, style.GREEN, style.ORANGE, style.VERMILION, style.PURPLE, style.SKY)
_MARKERS = (XL_MARKER_STYLE.CIRCLE, XL_MARKER_STYLE.SQUARE, XL_MARKER_STYLE.TRIANGLE, XL_MARKER_STYLE.DIAMOND)
_SIGNS = "●■▲◆"
# Rows of the table on one slide, and slides that it takes at most.
_ROWS, _PARTS = 11, 2
# How channels or weights are judged by each method.
_JUDGED = {
    "l1": "of every unit the filters with the smallest L1 norm go",
    "slimming": "trained until scales of BatchNorm shrink; the channels with the smallest of the whole network go",
    "weight_magnitude": "the smallest single weights of the whole network become zero",
    "weight_random": "single weights of the whole network become zero by chance",
}


def approach(deck: Deck, material: Material, name: str) -> None:
    compared = methods(material.standings)
    if compared is None or not material.goal.grid:
        return
    grid = Grid.from_json(material.goal.grid)
    from_where = "from what the baseline's training began from" if grid.rewound else "from the final weights"
    statements = [
        *(f"{method_title(each).capitalize()}: {_JUDGED.get(each, f'by {each}')}" for each in compared.criteria),
        f"Sparsities {', '.join(f'{each:g}' for each in grid.fractions)} of the parameters, reached within 0.01",
        f"Fine-tuned for {' and '.join(epochs_text(each) for each in grid.epochs)}, {from_where}",
        f"Latency: {calls_text(row.row.recipe for row in compared.rows)} alone, one image at a time, fresh processes",
        f"Energy: {compared.rows[0].row.energy_provenance}"
        + (f", {grid.energy_repeats} times each" if grid.energy_repeats > 1 else ""),
        "Size: the file, and what DEFLATE makes of it",
    ]
    page = titled(deck, material, "Approach", f"{count(len(compared.pruned), 'network')} beside the unpruned one")
    page.points(style.BODY, statements, sizes=(18, 16))


def table(deck: Deck, material: Material, name: str, part: int) -> None:
    compared = methods(material.standings)
    if compared is None:
        return
    headings, cells = compared.texts()
    shown = cells[part * _ROWS : (part + 1) * _ROWS]
    if not shown:
        return
    rest = len(cells) - _PARTS * _ROWS
    left_out = f"; {rest} not shown are in the .csv" if rest > 0 else ""
    title = f"All networks, {part + 1}" if len(cells) > _ROWS else "All networks"
    page = titled(deck, material, title, f"95 % intervals beside the figures{left_out}", "\n".join(compared.lines()))
    brief = [[_without_intervals(cell) if place else cell for place, cell in enumerate(row)] for row in shown]
    page.table(style.BODY, headings, brief)


def averages(deck: Deck, material: Material, name: str) -> None:
    compared = methods(material.standings)
    if compared is None or not compared.averages:
        return
    page = titled(deck, material, "Averages over the sparsities", "Published: by others, on their board and images")
    headings, cells = compared.average_texts()
    page.table(style.BODY, headings, cells)


def figures(deck: Deck, material: Material, name: str, title: str, shown: tuple[Drawing, ...]) -> None:
    compared = methods(material.standings)
    if compared is None or not compared.pruned:
        return
    dashed = "; dashed: the file as it is" if any(drawing.beside for drawing in shown) else ""
    page = titled(deck, material, title, f"Bars: 95 % intervals{dashed}")
    lines = drawn_lines(compared)
    key = [(f"{_SIGNS[line.place % len(_SIGNS)]} {line.name}", _INKS[line.place % len(_INKS)]) for line in lines]
    page.key(style.BODY.top_part(0.3), [*key, ("◆ unpruned", style.INK)])
    boxes = style.BODY.below(0.3).columns(*([1.0] * len(shown)), gap=0.3)
    for box, drawing in zip(boxes, shown, strict=True):
        plot = _plot(compared, drawing)
        page.text(box.top_part(0.35), [drawing.title], bold=True)
        draw_scatter(page, box.below(0.35, gap=0.05), plot.series, plot.across, plot.upwards, legend=False)


def conclusion(deck: Deck, material: Material, name: str) -> None:
    statements = [text[0].upper() + text[1:] for text in method_findings(methods(material.standings))]
    page = titled(deck, material, "What the figures show", "", notes="\n".join(statements))
    page.points(style.BODY, statements or ["No network has been measured yet"], sizes=(18, 16), after=9)


def _without_intervals(cell: str) -> str:
    """A slide has room for the figures alone."""
    return cell.partition(" ±")[0]


def _plot(compared: Methods, drawing: Drawing) -> Plot:
    series = []
    for line in drawn_lines(compared):
        ink = _INKS[line.place % len(_INKS)]
        figures = [drawing.y(row) for row in line.rows]
        across = [drawing.x(row) for row in line.rows]
        series.append(
            Series(
                line.name,
                [(x, figure.value) for x, figure in zip(across, figures, strict=True)],
                ink,
                _MARKERS[line.place % len(_MARKERS)],
                8,
                line=True,
                upwards=[bars(figure) for figure in figures],
            )
        )
        if drawing.beside:
            beside = [(x, drawing.beside.of(row).value) for x, row in zip(across, line.rows, strict=True)]
            series.append(Series(f"{line.name}, as it is", beside, ink, None, line=True, dashed=True))
    whole = unpruned_row(compared)
    if whole is not None:
        point = (drawing.x(whole), drawing.y(whole).value)
        series.append(Series("unpruned", [point], style.INK, XL_MARKER_STYLE.DIAMOND, 10))
    values = [y for each in series for _, y in each.points]
    upwards = linear([0.0, *values], least=0.0, most=100.0 if drawing.upwards.unit == "%" else None)
    places = [x for each in series for x, _ in each.points]
    across_title = "Sparsity" if drawing.across is None else f"{drawing.across.title}, {drawing.across.unit}"
    return Plot(
        series,
        ChartAxis(across_title, linear([0.0, *places], ticks=5, least=0.0)),
        ChartAxis(compared.axis(drawing.upwards), upwards),
    )


TABLES = tuple(partial(table, part=part) for part in range(_PARTS))
FIGURES = (
    partial(figures, title="What each method costs", shown=DRAWINGS[:3]),
    partial(figures, title="Energy against size", shown=DRAWINGS[3:5]),
    partial(figures, title="What is gained for what it costs", shown=DRAWINGS[5:]),
)
