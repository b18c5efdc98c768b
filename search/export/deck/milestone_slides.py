"""Slides of the milestones: approach, charts, what the figures show."""

from pptx.presentation import Presentation as Deck

from search.export.deck import style
from search.export.deck.charts import draw_scatter
from search.export.deck.material import Material
from search.export.deck.milestone_plots import milestone_plots
from search.export.deck.parts import count, titled
from search.results.column_table import EPOCHS, FOM, FRACTION, columns
from search.results.columns import View, known
from search.results.findings import findings, quantization_name
from search.results.pruned_fractions import uniform_fraction
from search.results.tables import grid_rows, texts
from search.results.wording import accuracy, calls_text
from space.formats.target import format_of

_ORDERS = {"l1": "smallest L1 norm first", "l2": "smallest L2 norm first", "random": "in random order"}


def approach(deck: Deck, material: Material, name: str) -> None:
    rows = grid_rows(material.standings, pruned=name == "m1")
    recipes = [row.recipe for row in rows[1:]]
    fractions = sorted({f for recipe in recipes if (f := uniform_fraction(recipe)) is not None})
    epochs = sorted({recipe.epochs for recipe in recipes})
    kinds = sorted({quantization_name(row) for row in rows[1:]})
    timed = calls_text(row.recipe for row in rows)
    formats = " and ".join(sorted({format_of(row.recipe).title for row in rows[1:]}))
    criteria = sorted({recipe.criterion for recipe in recipes})
    statements = [
        "Whole channels are removed from every unit, depthwise and BatchNorm entries with them"
        + (f", {' or '.join(_ORDERS.get(name, f'by {name}') for name in criteria)}" if criteria else ""),
        *([f"Fractions {', '.join(f'{fraction:g}' for fraction in fractions)}"] if fractions else []),
        *([f"Epochs of fine-tuning: {', '.join(map(str, epochs))}, after BatchNorm is re-estimated"] if epochs else []),
        *([f"Deployed as {', '.join(kinds)} {formats} files"] if kinds else []),
        f"Latency: {timed} alone, one image at a time, fresh process, warmed up; median of block medians",
        "Energy: " + _energy_words(material),
        f"Selected on validation only; {100 * material.goal.minimum_accuracy:g} % must hold on test",
    ]
    many = count(len(rows) - 1, "network")
    page = titled(deck, material, "Approach", f"{many}, one program, every figure from the device")
    left, right = style.BODY.columns(1.4, 1)
    page.points(left, statements, sizes=(18, 16))
    base, cells = material.baseline, []
    figures = [each for each in columns(View.M1, [base]) if each.column not in (FRACTION, EPOCHS)]
    for column in (*figures, *(each for each in columns(View.M3, [base]) if each.column is FOM)):
        _, [[cell]] = texts([base], [column])
        heading, _ = texts([base], [column])
        cells.append([heading[0], cell])
    cells.append(["Accuracy", accuracy(base)])
    page.table(right, ["The unpruned network", ""], cells, points=13)


def _energy_words(material: Material) -> str:
    rows = [row for row in (*material.rows, material.baseline) if known(row.energy_mj)]
    return str(rows[0].energy_provenance) if rows else "none was measured, estimated or predicted"


def charts(deck: Deck, material: Material, name: str) -> None:
    pruned = grid_rows(material.standings, pruned=True)
    rows = pruned if name == "m1" else [*pruned, *grid_rows(material.standings, pruned=False)[1:]]
    by = {
        "m1": "by epochs of fine-tuning, which latency does not depend on",
        "m2": "quantized beside fp32, by fraction after the most epochs",
    }[name]
    subtitle = f"Accuracy and latency {by}; bars: 95 % intervals"
    page = titled(deck, material, "What pruning costs, and what it gains", subtitle)
    key, plots = milestone_plots(material, rows, quantized=name == "m2")
    page.key(style.BODY.top_part(0.3), key)
    boxes = style.BODY.below(0.3).columns(1, 1, 1, gap=0.3)
    for box, (title, plot) in zip(boxes, plots, strict=True):
        page.text(box.top_part(0.35), [title], bold=True)
        draw_scatter(page, box.below(0.35, gap=0.05), plot.series, plot.across, plot.upwards, legend=False)


def conclusion(deck: Deck, material: Material, name: str) -> None:
    pruned = grid_rows(material.standings, pruned=True)
    rows = pruned if name == "m1" else [*pruned, *grid_rows(material.standings, pruned=False)[1:]]
    statements = [text[0].upper() + text[1:] for text in findings(rows)]
    page = titled(deck, material, "What the figures show", "", notes="\n".join(statements))
    page.points(style.BODY, statements or ["No network has been measured yet"], sizes=(20, 18, 16), after=9)
