"""Table files: a study's table as .csv, .json and .md, each with where its figures come from."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from search.results.report import provenance
from search.results.standings import Standings
from search.results.tables import COLUMNS, ROWS, TITLES, frame, texts
from space.files import written_whole


def write_csv(path: Path, now: Standings, name: str) -> int:
    """Figures in full, with intervals, ids and provenance beside them; how many rows."""
    table = frame(ROWS[name](now), COLUMNS[name], beside=True)
    table["Data"], table["Bench"] = now.goal.data, now.bench.title
    with written_whole(path) as beside:
        table.to_csv(beside, index=False)
    return len(table)


def write_json(path: Path, now: Standings, name: str) -> int:
    table = frame(ROWS[name](now), COLUMNS[name], beside=True)
    whole = now.as_dict()
    content: dict[str, Any] = {
        "table": TITLES[name],
        **{key: whole[key] for key in ("study", "bench", "data")},
        "provenance": provenance(now),
        "rows": table.to_dict(orient="records"),
    }
    with written_whole(path) as beside:
        beside.write_text(json.dumps(content, indent=1))
    return len(table)


def write_md(path: Path, now: Standings, name: str) -> int:
    """As a person reads it; what decides the study's contest is bold."""
    rows, columns = ROWS[name](now), COLUMNS[name]
    headings, cells = texts(rows, columns)
    decides = [column.objective == now.goal.objective for column in columns]
    lines = [
        f"# {TITLES[name]}",
        "",
        _line([f"**{head}**" if bold else head for head, bold in zip(headings, decides, strict=True)]),
        _line(["---"] * len(columns)),
        *(_line([f"**{cell}**" if bold else cell for cell, bold in zip(row, decides, strict=True)]) for row in cells),
        "",
        f"{now.goal.id} on {now.bench.title}; the unpruned network is among the rows.",
        "",
        *(f"- {text}" for text in provenance(now)),
    ]
    with written_whole(path) as beside:
        beside.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(rows)


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"
