"""JSON lines: a file that only grows, and of which a kill can cut off no more than the last line."""

import json
from pathlib import Path
from typing import Any


def read(path: Path) -> list[dict[str, Any]]:
    """A line that was being written when its writer was killed is left out."""
    lines = []
    for text in path.read_text().splitlines() if path.exists() else ():
        try:
            lines.append(json.loads(text))
        except ValueError:
            continue
    return lines


def append(path: Path, line: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        file.seek(0)
        text = file.read()
        cut_off = bool(text) and not text.endswith("\n")
        file.write(("\n" if cut_off else "") + json.dumps(line) + "\n")
