"""Slides of the milestones: approach, charts, what the figures show."""

from collections.abc import Sequence

from pptx.presentation import Presentation as Deck

from search.export.deck import slides, style
from search.export.deck.charts import draw_scatter
from search.export.deck.material import Material
from search.export.deck.milestone_plots import GROUPINGS, milestone_plots, pruned_networks
from search.export.deck.parts import count, titled
from search.results.column_table import EPOCHS, FOM, FRACTION, columns
from search.results.columns import View, known
from search.results.findings import findings, quantization_name
from search.results.pivot import pivot
from search.results.pruned_fractions import fraction_of
from search.results.rows import Row
from search.results.tables import ROWS, TITLES, all_grid_rows, texts
from search.results.wording import accuracy, calls_text, number
from search.settings.grid import Grid
from search.store.goal import Goal
from space.formats.target import format_of
from space.grid import left_whole
from space.networks.choose import NETWORKS
from space.networks.network import KINDS
from space.pruning.criteria import CRITERIA

_ORDERS = {"l1": "smallest L1 norm first", "l2": "smallest L2 norm first", "random": "in random order",
           "fpgm": "nearest to the other filters first"}  # fmt: skip


def approach(deck: Deck, material: Material, name: str) -> None:
    rows = ROWS[View(name)](material.standings)
    recipes = [row.recipe for row in rows[1:]]
    fractions = sorted({pruned for row in rows[1:] if (pruned := fraction_of(row)) is not None})
    epochs = sorted({recipe.epochs for recipe in recipes})
    kinds = sorted({quantization_name(row) for row in rows[1:]})
    timed = calls_text(row.recipe for row in rows)
    formats = " and ".join(sorted({format_of(row.recipe).title for row in rows[1:]}))
    criteria = [name for name in CRITERIA if any(row.recipe.criterion == name for row in rows[1:] if fraction_of(row))]
    statements = [
        _removed(material.goal)
        + (f", {' or '.join(_ORDERS.get(name, f'by {name}') for name in criteria)}" if criteria else ""),
        *([f"Fractions {', '.join(f'{fraction:g}' for fraction in fractions)}"] if fractions else []),
        *([f"Epochs of fine-tuning: {', '.join(map(str, epochs))}{_re_estimated(material.goal)}"] if epochs else []),
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


def _removed(goal: Goal) -> str:
    network = NETWORKS.find(goal.architecture)
    grid = Grid.from_json(goal.grid) if goal.grid else None
    where = "every unit"
    if grid and network is None and (grid.exclude or set(grid.operators) != set(KINDS)):
        # Which these are is the network's to say, and its package is gone.
        where = "every unit that the study does not leave whole"
    elif grid and (whole := left_whole(goal.architecture, grid.operators, grid.exclude)):
        where = f"every unit but {', '.join(whole)}"
    entries = "depthwise and BatchNorm entries" if _has_batchnorm(goal) else "what reads them"
    return f"Whole channels are removed from {where}, {entries} with them"


def _re_estimated(goal: Goal) -> str:
    return ", after BatchNorm is re-estimated" if _has_batchnorm(goal) else ""


def _has_batchnorm(goal: Goal) -> bool:
    """Most networks have; of one that is not known here it is taken for granted."""
    network = NETWORKS.find(goal.architecture)
    return network is None or network.batchnorm


def _energy_words(material: Material) -> str:
    rows = [row for row in (*material.rows, material.baseline) if known(row.energy_mj)]
    return str(rows[0].energy_provenance) if rows else "none was measured, estimated or predicted"


def _shown(material: Material, name: str) -> Sequence[Row]:
    """Quantized networks are shown beside the others."""
    return (ROWS[View.M1] if name == "m1" else all_grid_rows)(material.standings)


def beside_unpruned(deck: Deck, material: Material, name: str) -> None:
    """The table of a grid; without an unpruned network that of its rows."""
    beside = pivot(material.standings)
    if beside is None:
        slides.table(deck, material, View.M2)
        return
    headings, cells = beside.brief_texts()
    shown = cells[: style.MOST_ROWS]
    rest = len(cells) - len(shown)
    left_out = f"; {rest} not shown are in the .csv" if rest else ""
    unpruned = f"{quantization_name(beside.unpruned)}, {number(beside.unpruned.latency_ms)} ms"
    subtitle = f"Beside unpruned {unpruned}: points of validation accuracy, multiples of time{left_out}"
    page = titled(deck, material, TITLES[View.GRID], subtitle, "\n".join(beside.lines()))
    marked = [place for place, row in enumerate(beside.rows[: len(shown)]) if not row.point.fraction]
    page.table(style.BODY, headings, shown, marked_rows=marked)


def charts(deck: Deck, material: Material, name: str) -> None:
    grouped = GROUPINGS[name](pruned_networks(_shown(material, name)))
    by = {
        "m1": "by epochs of fine-tuning, which latency does not depend on",
        "m2": "quantized beside fp32, by fraction after the most epochs",
        "grid": ", ".join(["of each network", *grouped.held]),
    }[name]
    subtitle = f"Accuracy and latency {by}; bars: 95 % intervals"
    page = titled(deck, material, "What pruning costs, and what it gains", subtitle)
    key, plots = milestone_plots(material, grouped)
    page.key(style.BODY.top_part(0.3), key)
    boxes = style.BODY.below(0.3).columns(1, 1, 1, gap=0.3)
    for box, (title, plot) in zip(boxes, plots, strict=True):
        page.text(box.top_part(0.35), [title], bold=True)
        draw_scatter(page, box.below(0.35, gap=0.05), plot.series, plot.across, plot.upwards, legend=False)


def conclusion(deck: Deck, material: Material, name: str) -> None:
    lines = findings(_shown(material, name), material.standings.published)
    statements = [text[0].upper() + text[1:] for text in lines]
    page = titled(deck, material, "What the figures show", "", notes="\n".join(statements))
    page.points(style.BODY, statements or ["No network has been measured yet"], sizes=(20, 18, 16), after=9)
