"""Parts: what slides of several decks share."""

from pptx.presentation import Presentation as Deck

from search.export.deck import style
from search.export.deck.charts import ChartAxis, columns, draw_scatter
from search.export.deck.material import Material
from search.export.deck.plots import Plot, winner_looks
from search.export.deck.scale import Scale
from search.export.deck.slide import Page
from search.export.deck.style import Box
from search.results.columns import known
from search.results.rows import Row
from search.results.wording import accuracy, fom_gain, measured, number, pace_of
from search.scoring.objectives import OBJECTIVES
from space.networks.choose import first_unit, unpruned_widths


def titled(deck: Deck, material: Material, title: str, subtitle: str, notes: str = "") -> Page:
    caveats = [caveat.short for caveat in material.basis.caveats]
    full = f"{notes}\n\n{material.notes}" if notes else material.notes
    return Page.add(deck, title, subtitle, material.basis.footer, caveats, full)


def count(many: int, what: str) -> str:
    return f"{many} {what}{'' if many == 1 else 's'}"


def result(material: Material, row: Row) -> str:
    """The headline says what was measured: a FoM only where a meter read the energy."""
    text = f"{accuracy(row)} at {number(row.latency_ms)} ms"
    if known(row.fom_gain) and measured(row):
        return f"{text}, FoM {fom_gain(row)} the unpruned network's"
    return f"{text}, {pace_of(row)} than the unpruned network"


def draw(page: Page, box: Box, plot: Plot) -> None:
    draw_scatter(page, box, plot.series, plot.across, plot.upwards)


def draw_widths(page: Page, box: Box, material: Material, winners: dict[str, Row]) -> None:
    unpruned = material.baseline.recipe
    original = unpruned_widths(unpruned.architecture) or unpruned.widths
    names = [str(index) for index in range(len(original))]
    series: list[tuple[str, list[float | None], str]] = [("unpruned", [float(width) for width in original], style.GREY)]
    wins: dict[str, list[str]] = {}
    for objective, row in winners.items():
        wins.setdefault(row.recipe_id, []).append(objective)
    rows = {row.recipe_id: row for row in winners.values()}
    for recipe_id, objectives in wins.items():
        kept = rows[recipe_id].recipe.widths
        title = ", ".join(OBJECTIVES[name].title for name in objectives)
        series.append((title, [float(width) or None for width in kept], winner_looks()[objectives[0]].ink))
    columns(page, box, names, series, ChartAxis("Channels", Scale(4, 1024, base=2, number_format="#,##0")),
            across=f"Unit (0: the {first_unit(unpruned.architecture)})")  # fmt: skip
