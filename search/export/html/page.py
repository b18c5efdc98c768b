"""Page: a study as one HTML file that needs nothing else: the front to look into, the table to sort, the basis."""

import base64
import hashlib
import json
import time
from collections.abc import Sequence
from html import escape
from itertools import chain, repeat
from pathlib import Path
from string import Template
from typing import Any

from search.export.html.card import card, units
from search.export.method_drawings import DRAWINGS
from search.export.scatter import BASELINE, Point, label, scatter, wins_by_recipe
from search.results.basis import basis
from search.results.column_table import columns
from search.results.columns import Entry, View, ViewColumn
from search.results.method_findings import method_findings
from search.results.methods import Methods, methods
from search.results.report import near_misses
from search.results.rows import Row
from search.results.standings import Standings
from search.results.tables import entries
from search.results.wording import accuracy, figure_with_interval, line, shape, threads_text, training_text
from search.scoring.objectives import OBJECTIVES, Objective
from search.store.store import Store

_FOLDER = Path(__file__).parent
_LIVE = """<p class="live" id="live">The search goes on; written at {time}.
<label><input type="checkbox" id="follow" checked> opens itself anew</label></p>"""


# Seconds after which the page of a search that goes on is opened anew by itself.
_AGAIN_S = 5


def write_page(path: Path, ending: str, store: Store, standings: Standings, *, live: bool = False) -> None:
    path.write_text(page(store, standings, live=live), encoding="utf-8")


def page(store: Store, standings: Standings, *, live: bool = False) -> str:
    """`live`: the search goes on, and the page is written anew."""
    style, script = ((_FOLDER / f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    about, compared = basis(store, standings), methods(standings)
    best = standings.best
    # Where nothing leads, the best line says why.
    first = [f'<p class="first">{escape(text)}</p>' for text in about.first if text not in about.misses[:1]]
    return Template((_FOLDER / "page.html").read_text(encoding="utf-8")).substitute(
        title=escape(about.title),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        first="\n".join(first),
        best=escape(_best(standings) if best else near_misses(standings)[0]),
        live=_LIVE.format(time=time.strftime("%Y-%m-%d %H:%M:%S")) if live else "",
        choices="\n".join(
            f'<label><input type="radio" name="axis" value="{name}"{checked}> {objective.label}</label>'
            for (name, objective), checked in zip(OBJECTIVES.items(), chain([" checked"], repeat("")), strict=False)
        ),
        heads="".join(
            f'<th scope="col"{_look(shown)}><button type="button">{escape(shown.title)}</button></th>'
            for shown in columns(View.PAGE, standings.rows)
        ),
        rows="\n".join(_table(standings)),
        # A picture in the page itself, where there is one.
        images="img-src data:; " if compared else "",
        methods="\n".join(_methods(store, standings, compared) if compared else []),
        lines="\n".join(f"<li>{escape(text)}</li>" for text in about.lines),
        data=_json(_data(store, standings) | ({"again": _AGAIN_S} if live else {})),
    )


def _methods(store: Store, standings: Standings, compared: Methods) -> list[str]:
    """A grid of methods has figures and tables of its own, and what they show."""
    # The import brings what draws, which other pages leave to their own script.
    from search.export.method_figure import svg_of

    picture = base64.b64encode(svg_of(store, standings)).decode()
    alternative = "; ".join(drawing.title for drawing in DRAWINGS)
    return [
        "<h2>Methods</h2>",
        f'<img class="methods" src="data:image/svg+xml;base64,{picture}" alt="{escape(alternative)}">',
        "<ul>",
        *(f"<li>{escape(text)}</li>" for text in method_findings(compared)),
        "</ul>",
        *_plain_table("Averages over the sparsities", *compared.average_texts()),
        *_plain_table("Every network", *compared.texts()),
        *(f"<p>{escape(text[0].upper() + text[1:])}.</p>" for text in compared.lines()),
    ]


def _plain_table(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    heads = "".join(f'<th scope="col"{_side(place)}>{escape(heading)}</th>' for place, heading in enumerate(headings))
    cells = ("".join(f"<td{_side(place)}>{escape(cell)}</td>" for place, cell in enumerate(row)) for row in rows)
    return [
        f"<h3>{escape(title)}</h3>",
        f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(title)}">',
        f'<table class="plain"><thead><tr>{heads}</tr></thead><tbody>',
        *(f"<tr>{row}</tr>" for row in cells),
        "</tbody></table></div>",
    ]


def _side(place: int) -> str:
    """What is named stands left, its figures right."""
    return "" if place else " class=text"


def _best(standings: Standings) -> str:
    assert standings.best is not None
    return f"Best: {line(standings.row(standings.best), standings.goal.objective)}"


def _hash(text: str) -> str:
    """The hash by which the browser knows the page's own script and style: it runs no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _json(content: Any) -> str:
    """Inside a script element nothing may look like its end."""
    return json.dumps(content, separators=(",", ":")).replace("<", "\\u003c").replace("&", "\\u0026")


def _data(store: Store, standings: Standings) -> dict[str, Any]:
    scatters = {name: scatter(standings, objective) for name, objective in OBJECTIVES.items()}
    rows = standings.rows
    places = {row.recipe_id: place for place, row in enumerate(rows)}
    trials = {trial.recipe_id: trial for trial in store.trials(standings.goal.id)}
    evaluations = (*standings.ranked, standings.baseline)
    details: list[dict[str, Any]] = [
        {"id": row.recipe_id, "tip": _tip(row, row is rows[-1])} | card(evaluation, row, trials.get(row.recipe_id))
        for row, evaluation in zip(rows, evaluations, strict=True)
    ]
    for point in scatters["latency"].points:
        low, high = point.share_interval
        details[places[point.row.recipe_id]] |= {
            "share": point.share,
            "low": low,
            "high": high,
            "test": point.confirmed,
        }
    return {
        "line": standings.goal.minimum_accuracy,
        "least": standings.goal.least_accuracy,
        "units": units(standings.goal.architecture),
        "leads": 0 if standings.best else None,
        "rows": details,
        "axes": {
            name: {
                "title": drawn.objective.axis,
                "more": drawn.objective.maximise,
                "note": f"Energy: {drawn.provenance}; others stand apart." if drawn.provenance else "",
                "points": [
                    _point(point, places[point.row.recipe_id], label(point, drawn.objective)) for point in drawn.points
                ],
            }
            for name, drawn in scatters.items()
        },
    }


def _point(point: Point, place: int, name: str) -> dict[str, Any]:
    low, high = point.interval
    values = {"row": place, "value": point.value, "low": low, "high": high, "role": point.role}
    if point.on_front:
        values["on"] = True
    if point.role == BASELINE or point.wins:
        values["label"] = name
    if point.why and point.role != BASELINE:
        values["why"] = f"apart: {point.why}"
    return values


def _tip(row: Row, is_baseline: bool) -> list[str]:
    recipe = row.recipe
    number_of = "" if row.trial is None else f", trial {row.trial}"
    return [
        "the unpruned baseline" if is_baseline else f"recipe {row.recipe_id}{number_of}",
        accuracy(row),
        *(_figure(row, objective) for objective in OBJECTIVES.values()),
        f"{row.parameters:,} parameters, {row.memory_mb:.1f} MB",
        f"{training_text(recipe)}, criterion {recipe.criterion}, {threads_text(recipe)}",
        f"widths {shape(row)}",
        *(row.warnings or ()),
    ]


def _figure(row: Row, objective: Objective) -> str:
    """FoM stands below the energy, and rests on the same."""
    figure = figure_with_interval(row, objective)
    if not objective.unit:
        return f"{objective.label} {figure}"
    return f"{figure}, {row.energy_provenance.kind}" if objective.needs_energy else figure


def _table(standings: Standings) -> list[str]:
    wins = {
        recipe_id: tuple(OBJECTIVES[name].label for name in names)
        for recipe_id, names in wins_by_recipe(standings).items()
    }
    chosen = columns(View.PAGE, standings.rows)
    return [_line(index, entry, chosen) for index, entry in enumerate(entries(standings, wins=wins))]


def _line(index: int, entry: Entry, chosen: Sequence[ViewColumn]) -> str:
    cells = "".join(
        f'<td{_look(shown)} data-value="{escape(str(shown.sort_key(entry)))}">{_linked(shown, entry)}</td>'
        for shown in chosen
    )
    row = entry.row
    out = row.dirty or row.gated or not (row.feasible or entry.is_baseline)
    look = "won" if entry.wins else "out" if out else ""
    return f'<tr data-row="{index}"{f" class={look}" if look else ""}>{cells}</tr>'


def _look(shown: ViewColumn) -> str:
    return " class=text" if shown.column.words else ""


def _linked(shown: ViewColumn, entry: Entry) -> str:
    """A recipe leads to its point."""
    text = escape(shown.read(entry))
    return f'<a href="#{escape(entry.row.recipe_id)}">{text}</a>' if shown.title == "recipe" else text
