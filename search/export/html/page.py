"""Page: a study as one HTML file that needs nothing else: the front to look into, the table to sort, the basis."""

import base64
import hashlib
import json
from collections.abc import Sequence
from html import escape
from itertools import chain, repeat
from pathlib import Path
from string import Template
from typing import Any

from search.export.scatter import BASELINE, Point, label, scatter, wins_by_recipe
from search.results.basis import basis
from search.results.report import near_misses
from search.results.rows import Row
from search.results.standings import Standings
from search.results.wording import accuracy, faster, figure_with_interval, fom_gain, line, number, shape
from search.scoring.objectives import OBJECTIVES, Objective
from search.store.store import Store

_FOLDER = Path(__file__).parent
# Heading, and whether it holds words.
_COLUMNS = {
    "place": False,
    "trial": False,
    "recipe": True,
    "accuracy %": False,
    "on": True,
    "latency ms": False,
    "±": False,
    "faster": False,
    "energy mJ": False,
    "energy is": True,
    "max W": False,
    "MB": False,
    "FoM": False,
    "FoM gain": False,
    "parameters": False,
    "quantization": True,
    "epochs": False,
    "threads": False,
    "widths": True,
    "remarks": True,
}


def write_page(path: Path, ending: str, store: Store, standings: Standings) -> None:
    path.write_text(page(store, standings), encoding="utf-8")


def page(store: Store, standings: Standings) -> str:
    style, script = ((_FOLDER / f"page.{kind}").read_text(encoding="utf-8") for kind in ("css", "js"))
    about = basis(store, standings)
    best = standings.best
    first = [f'<p class="first">{escape(text)}</p>' for text in about.first]
    return Template((_FOLDER / "page.html").read_text(encoding="utf-8")).substitute(
        title=escape(about.title),
        style=style,
        style_hash=_hash(style),
        script=script,
        script_hash=_hash(script),
        first="\n".join(first),
        best=escape(_best(standings) if best else near_misses(standings)[0]),
        choices="\n".join(
            f'<label><input type="radio" name="axis" value="{name}"{checked}> {objective.label}</label>'
            for (name, objective), checked in zip(OBJECTIVES.items(), chain([" checked"], repeat("")), strict=False)
        ),
        heads="".join(
            f'<th scope="col"{" class=text" * words}><button type="button">{escape(name)}</button></th>'
            for name, words in _COLUMNS.items()
        ),
        rows="\n".join(_table(standings)),
        lines="\n".join(f"<li>{escape(text)}</li>" for text in about.lines),
        data=_json(_data(standings)),
    )


def _best(standings: Standings) -> str:
    assert standings.best is not None
    return f"Best: {line(standings.row(standings.best), standings.goal.objective)}"


def _hash(text: str) -> str:
    """By which the browser knows the page's own script and style: it runs no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def _json(content: Any) -> str:
    """Inside a script element nothing may look like its end."""
    return json.dumps(content, separators=(",", ":")).replace("<", "\\u003c").replace("&", "\\u0026")


def _data(standings: Standings) -> dict[str, Any]:
    scatters = {name: scatter(standings, objective) for name, objective in OBJECTIVES.items()}
    rows = standings.rows
    places = {row.recipe_id: place for place, row in enumerate(rows)}
    details: list[dict[str, Any]] = [{"id": row.recipe_id, "tip": _tip(row, row is rows[-1])} for row in rows]
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
    recipe, threads = row.recipe, row.recipe.threads
    number_of = "" if row.trial is None else f", trial {row.trial}"
    return [
        "the unpruned baseline" if is_baseline else f"recipe {row.recipe_id}{number_of}",
        accuracy(row),
        *(_figure(row, objective) for objective in OBJECTIVES.values()),
        f"{row.parameters:,} parameters, {row.memory_mb:.1f} MB",
        f"{recipe.quantization}, {recipe.epochs} epochs, criterion {recipe.criterion}, "
        f"{threads} thread{'s' * (threads > 1)}",
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
    wins = wins_by_recipe(standings)
    rows = standings.rows
    return [
        _line(
            place,
            row,
            place < standings.leaders,
            row is rows[-1],
            [OBJECTIVES[name].label for name in wins.get(row.recipe_id, ())],
        )
        for place, row in enumerate(rows)
    ]


def _line(place: int, row: Row, leads: bool, is_baseline: bool, wins: Sequence[str]) -> str:
    recipe = row.recipe
    half = 50 * (row.latency_ci_ms[1] - row.latency_ci_ms[0]) / row.latency_ms
    remarks = [f"best {', '.join(wins)}"] if wins else []
    remarks += ["dirty"] * row.dirty + ["gated"] * row.gated
    if not row.feasible and not is_baseline:
        remarks.append("below the line")
    # What sorts, and what is read.
    cells: tuple[tuple[float | str, str], ...] = (
        (place + 1 if leads else 1e9, str(place + 1) if leads else ""),
        (1e9 if row.trial is None else row.trial, "" if row.trial is None else str(row.trial)),
        (row.recipe_id, "the baseline" if is_baseline else row.recipe_id),
        (row.accuracy, f"{100 * row.accuracy:.2f}"),
        *[("test" if row.test_accuracy is not None else "validation",) * 2],
        (row.latency_ms, number(row.latency_ms)),
        (half, f"{half:.1f} %"),
        (row.latency_gain or 0.0, faster(row)),
        (row.energy_mj, number(row.energy_mj)),
        *[(row.energy_provenance.kind,) * 2],
        (row.max_power_w, f"{row.max_power_w:.2f}"),
        (row.memory_mb, f"{row.memory_mb:.1f}"),
        (row.fom, number(row.fom)),
        (row.fom_gain or 0.0, fom_gain(row)),
        (row.parameters, f"{row.parameters:,}"),
        *[(recipe.quantization,) * 2],
        (recipe.epochs, str(recipe.epochs)),
        (recipe.threads, str(recipe.threads)),
        *[(shape(row),) * 2],
        *[("; ".join(remarks),) * 2],
    )
    drawn = "".join(
        f'<td{" class=text" * words} data-value="{escape(str(value))}">{_linked(name, value, text)}</td>'
        for (value, text), (name, words) in zip(cells, _COLUMNS.items(), strict=True)
    )
    look = "won" if wins else "out" if row.dirty or row.gated or not (row.feasible or is_baseline) else ""
    return f'<tr data-row="{place}"{f" class={look}" if look else ""}>{drawn}</tr>'


def _linked(name: str, value: float | str, text: str) -> str:
    """A recipe leads to its point."""
    return f'<a href="#{escape(str(value))}">{escape(text)}</a>' if name == "recipe" else escape(text)
