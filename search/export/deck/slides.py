"""Slides of every deck: the cover, the table, what is handed in."""

from collections.abc import Sequence

from pptx.presentation import Presentation as Deck

from search.export.deck import style
from search.export.deck.lettering import width
from search.export.deck.material import Material
from search.export.deck.parts import count, draw_widths, result, titled
from search.results.column_table import columns
from search.results.columns import Column, View, ViewColumn, at
from search.results.findings import described
from search.results.rows import Row
from search.results.tables import TITLES, grid_rows, texts, winner_rows
from search.results.wording import data_name, marked, number, pace_of, shape, threads_text, times
from search.scoring.objectives import OBJECTIVES
from space.networks.choose import title_of

_COURSE = {"m1": "Milestone 1: pruning", "m2": "Milestone 2: quantization", "m3": "Milestone 3: the network handed in",
           "grid": "Pruned networks beside the unpruned one",
           "methods": "Pruning methods beside each other",
           "front": "Search for the compressed network that wins on the device"}  # fmt: skip


def _people(material: Material) -> list[str]:
    """Who hands it in, as far as that was said."""
    cover = material.cover
    return [text for text in (cover.members, f"Team {cover.team}" if cover.team else "") if text]


def cover(deck: Deck, material: Material, name: str) -> None:
    goal, title = material.goal, material.cover.title or _COURSE[name]
    page = titled(deck, material, title, "")
    page.cover(title, style.BLUE)
    by = _people(material)
    box = style.BODY.below(0.75, gap=0.2)
    if by:
        page.text(box.top_part(0.95), by, points=18, ink=style.SOFT, most=2)
    subject = f"{title_of(goal.architecture)} on {data_name(goal.data)}"
    facts = [
        f"{subject}; the line is {100 * goal.minimum_accuracy:g} % on test",
        f"{count(len(material.rows), 'network')} measured on {material.standings.bench.board}, {material.basis.date}",
    ]
    page.text(box.below(1.1, gap=0).top_part(0.7), facts, points=18)
    lower = box.below(2.2, gap=0)
    if material.standings.best is None:
        page.points(lower, material.basis.misses)
        return
    best = material.standings.row(material.standings.best)
    split = "test" if best.test_accuracy is not None else "validation"
    figures = [
        (f"{100 * best.accuracy:.2f} %", f"{split} accuracy"),
        (f"{number(best.latency_ms)} ms", f"latency, {pace_of(best)} than unpruned"),
        (marked(times(best.fom_gain), best), f"the unpruned FoM, energy {best.energy_provenance.kind}")
        if best.fom_gain
        else (number(best.fom), f"FoM, energy {best.energy_provenance.kind}"),
    ]  # fmt: skip
    for box, (figure, caption) in zip(lower.columns(1, 1, 1), figures, strict=True):
        page.text(box.top_part(0.75), [figure], points=40, ink=style.BLUE, bold=True)
        page.text(box.below(0.75, gap=0.02).top_part(0.6), [caption], points=14, ink=style.SOFT, most=2)


def table(deck: Deck, material: Material, name: str) -> None:
    rows = material.standings.rows if name == "front" else grid_rows(material.standings, pruned=name == "m1")
    shown, rest = fewer(rows, keep_last=name == "front")
    entered = material.goal.objective
    chosen = columns(View.FRONT_SLIDE if name == View.FRONT else View(name), rows)
    headings, cells = texts(shown, chosen)
    left_out = f"; {rest} not shown are in the .csv" if rest else ""
    order = "the unpruned last" if name == "front" else "fraction 0.00 is the unpruned"
    leaders = material.standings.leaders
    may = {0: "", 1: "; the first may win"}.get(leaders, f"; the first {leaders} may win")
    places = may if name == "front" else ""
    subtitle = f"{len(shown)} of {count(len(rows), 'network')}, {order}{places}{left_out}"
    page = titled(deck, material, TITLES[View(name)], subtitle)
    unpruned = len(shown) - 1 if name == "front" else 0
    page.table(
        style.BODY,
        headings,
        cells,
        bold_columns=[place for place, each in enumerate(chosen) if each.column.objective == entered],
        marked_rows=[unpruned],
    )


def fewer(rows: Sequence[Row], *, keep_last: bool) -> tuple[list[Row], int]:
    """At most as many as a slide holds, and how many are left out. Of one structure the one tuned longest first."""
    if len(rows) <= style.MOST_ROWS:
        return list(rows), 0
    if keep_last:
        return [*rows[: style.MOST_ROWS - 1], rows[-1]], len(rows) - style.MOST_ROWS
    longest: dict[str, Row] = {}
    for row in rows:
        rival = longest.get(row.structure_id)
        if rival is None or row.recipe.epochs > rival.recipe.epochs:
            longest[row.structure_id] = row
    shown = list(longest.values())[: style.MOST_ROWS]
    return shown, len(rows) - len(shown)


def handed_in(deck: Deck, material: Material, name: str) -> None:
    """The one slide of the contest."""
    best = material.standings.best
    if best is None:
        page = titled(deck, material, material.cover.title or _COURSE[name], "")
        page.points(style.BODY, material.basis.misses)
        return
    row = material.standings.row(best)
    by = [*_people(material), f"entered: {OBJECTIVES[material.goal.objective].title}"]
    room = width(" · ".join(by), style.SUBTITLE_PT) < style.SUBTITLE.width
    page = titled(deck, material, material.cover.title or result(material, row), " · ".join(by if room else by[1:]))
    shown = winner_rows(material.standings)
    names = Column(
        value=lambda shown: "this one" if shown.recipe_id == row.recipe_id else "unpruned",
        shown=at(0, "Network", View.M3),
    )
    chosen = (ViewColumn(names, View.M3, names.shown[View.M3]), *columns(View.M3, shown))
    headings, cells = texts(shown, chosen)
    bold = [place for place, each in enumerate(chosen) if each.column.objective == material.goal.objective]
    tall = page.table(style.BODY, headings, cells, bold_columns=bold, marked_rows=[0], points=14)
    left, right = style.BODY.below(tall, gap=0.25).columns(1, 1.25)
    recipe = row.recipe
    statements = [
        *([result(material, row)] if material.cover.title else []),
        *([] if room else by[:1]),
        *([] if row.test_accuracy is not None else ["Accuracy on validation: confirm measures on test"]),
        f"{title_of(recipe.architecture)}, {described(row)}",
        f"{row.parameters:,} parameters, {row.macs / 1e6:.2f} million MACs, {row.operators} operators",
        f"{threads_text(recipe)}, channels chosen by {recipe.criterion}; recipe {row.recipe_id}",
        f"Widths (/2: halves the image): {shape(row)}",
    ]
    page.points(left, statements, sizes=(16, 14), after=6)
    draw_widths(page, right, material, {material.goal.objective: row})
