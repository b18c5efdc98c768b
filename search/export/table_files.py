"""Table files: a study's table as .csv, .json and .md, each with where its figures come from."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from search.results.column_table import columns
from search.results.columns import Value, View, known
from search.results.methods import METHODS, Methods, methods
from search.results.pivot import pivot
from search.results.report import findings_of, provenance
from search.results.rows import Row
from search.results.standings import Standings
from search.results.tables import ROWS, TITLES, texts
from space.files import written_whole


def frame(rows: Sequence[Row], view: View) -> pd.DataFrame:
    """The values in full, with intervals, provenance and ids beside them; what is not known is None."""
    values: dict[str, list[Value]] = {}
    for shown in (*columns(view, rows), *columns(View.FILE, rows)):
        values[shown.title] = [_full(shown.column.value(row)) for row in rows]
        if shown.column.kind_in_files is not None:
            values[f"{shown.title} is"] = [_full(shown.column.kind_in_files(row)) for row in rows]
    return pd.DataFrame(values, dtype=object)


def _full(value: Value) -> Value:
    return value if known(value) else None


def _table(standings: Standings, name: str) -> pd.DataFrame:
    """A grid's is that of its networks beside the unpruned one, where it has that; of methods, theirs."""
    compared = methods(standings) if name == METHODS else None
    if compared is not None:
        return pd.DataFrame(compared.records(), dtype=object)
    beside = pivot(standings) if name == View.GRID else None
    if beside is not None:
        return pd.DataFrame(beside.records(), dtype=object)
    return frame(ROWS[View.GRID if name == METHODS else View(name)](standings), _columns_of(name))


def _columns_of(name: str) -> View:
    """The second milestone's table has a column for all that a grid has to vary."""
    return View.M2 if name in (View.GRID, METHODS) else View(name)


def write_csv(path: Path, standings: Standings, name: str) -> int:
    """Figures in full, with intervals, ids and provenance beside them; how many rows."""
    table = _table(standings, name)
    table["Data"], table["Bench"] = standings.goal.data, standings.bench.title
    with written_whole(path) as beside:
        table.to_csv(beside, index=False)
    return len(table)


def write_json(path: Path, standings: Standings, name: str) -> int:
    table = _table(standings, name)
    whole = standings.as_dict()
    compared = methods(standings) if name == METHODS else None
    content: dict[str, Any] = {
        "table": _title(name),
        **{key: whole[key] for key in ("study", "bench", "data")},
        "provenance": provenance(standings),
        "rows": table.to_dict(orient="records"),
        **({"averages": compared.average_records(), "findings": findings_of(standings)} if compared else {}),
    }
    with written_whole(path) as beside:
        beside.write_text(json.dumps(content, indent=1))
    return len(table)


def write_md(path: Path, standings: Standings, name: str) -> int:
    """The table as a person reads it; what decides the study's contest is bold."""
    compared = methods(standings) if name == METHODS else None
    if compared is not None:
        return _methods_md(path, standings, compared)
    grid = pivot(standings) if name == View.GRID else None
    if grid is not None:
        (headings, cells), notes = grid.texts(), grid.lines()
        decides = [False] * len(headings)
    else:
        rows, notes = ROWS[View(name)](standings), []
        shown = columns(_columns_of(name), rows)
        headings, cells = texts(rows, shown)
        decides = [each.column.objective == standings.goal.objective for each in shown]
    lines = [
        f"# {_title(name)}",
        "",
        _line([f"**{head}**" if bold else head for head, bold in zip(headings, decides, strict=True)]),
        _line(["---"] * len(headings)),
        *(_line([f"**{cell}**" if bold else cell for cell, bold in zip(row, decides, strict=True)]) for row in cells),
        "",
        f"{standings.goal.id} on {standings.bench.title}; the unpruned network is among the rows.",
        "",
        *(f"- {text}" for text in (*notes, *provenance(standings))),
    ]
    with written_whole(path) as beside:
        beside.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(cells)


def _methods_md(path: Path, standings: Standings, compared: Methods) -> int:
    lines = [f"# {_title(METHODS)}"]
    for heading, (headings, cells) in (
        ("Averages over the sparsities", compared.average_texts()),
        ("Every network", compared.texts()),
    ):
        lines += ["", f"## {heading}", "", _line(headings), _line(["---"] * len(headings)), *map(_line, cells)]
    lines += ["", "## What the figures show", "", *(f"- {text}" for text in findings_of(standings)), ""]
    lines += [f"{standings.goal.id} on {standings.bench.title}.", ""]
    lines += [f"- {text}" for text in (*compared.lines(), *provenance(standings))]
    with written_whole(path) as beside:
        beside.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(compared.rows)


def _title(name: str) -> str:
    return "Pruning methods beside each other" if name == METHODS else TITLES[View(name)]


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
