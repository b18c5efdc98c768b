"""Journal: what a row has begun and what came of it, a line each, so that an interrupted row goes on with it."""

from pathlib import Path
from typing import Any

from tests.benchmarks.peers import json_lines


class Journal:
    """Entries by number; later fields of a number are added to its former ones."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._entries: dict[int, dict[str, Any]] = {}
        for line in json_lines.read(path):
            self._entries.setdefault(line["number"], {}).update(line)

    @property
    def entries(self) -> list[dict[str, Any]]:
        return [self._entries[number] for number in sorted(self._entries)]

    def entry(self, number: int) -> dict[str, Any]:
        return self._entries.get(number, {})

    def note(self, number: int, **fields: Any) -> None:
        line = {"number": number, **fields}
        json_lines.append(self._path, line)
        self._entries.setdefault(number, {}).update(line)
