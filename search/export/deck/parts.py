"""Parts: what slides of several decks share."""

import math

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
from space.networks.choose import unit_names, unpruned_widths


def titled(deck: Deck, material: Material, title: str, subtitle: str, notes: str = "") -> Page:
    caveats = [caveat.short for caveat in material.basis.caveats]
    full = f"{notes}\n\n{material.notes}" if notes else material.notes
    return Page.add(deck, title, subtitle, material.basis.footer, caveats, full)


def count(many: int, noun: str) -> str:
    return f"{many} {noun}{'' if many == 1 else 's'}"


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
    names, across = _units(unpruned.architecture, len(original))
    series: list[tuple[str, list[float | None], str]] = [("unpruned", [float(width) for width in original], style.GREY)]
    wins: dict[str, list[str]] = {}
    for objective, row in winners.items():
        wins.setdefault(row.recipe_id, []).append(objective)
    rows = {row.recipe_id: row for row in winners.values()}
    for recipe_id, objectives in wins.items():
        widths = rows[recipe_id].recipe.widths
        title = ", ".join(OBJECTIVES[name].title for name in objectives)
        series.append((title, [float(width) or None for width in widths], winner_looks()[objectives[0]].ink))
    most = 2.0 ** math.ceil(math.log2(max(original)))
    columns(page, box, names, series, ChartAxis("Channels", Scale(4, most, base=2, number_format="#,##0")),
            across=across)  # fmt: skip


def _units(architecture: str, count: int) -> tuple[list[str], str]:
    """What stands below each unit, and below all of them: numbers, where names tell no more than a place."""
    names = unit_names(architecture)
    if all(name.rstrip("0123456789") + f"{place:02d}" == name for place, name in enumerate(names) if place):
        return [str(place) for place in range(count)], f"Unit (0: the {names[0] if names else 'first'})"
    return list(names), "Unit"
