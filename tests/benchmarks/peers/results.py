"""Results: a file with a line of JSON for every row that is done; the last of a row counts."""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.benchmarks.peers import json_lines
from tests.benchmarks.peers.options import Options

Line = dict[str, Any]
KEY = tuple(name for name in Options.__dataclass_fields__ if name != "data_dir")


class Results:
    def __init__(self, path: Path) -> None:
        self._path = path

    def lines(self) -> list[Line]:
        """The lines in the order in which their rows were first written."""
        lines: dict[str, Line] = {}
        for line in json_lines.read(self._path):
            lines[_name(line)] = line
        return list(lines.values())

    def has(self, key: Mapping[str, Any]) -> bool:
        """Whether the row is done; one that failed is not, nor one whose leaders were timed beside other load alone."""
        again = ("error", "unconfirmed")
        return any(_name(line) == _name(key) and not any(map(line.get, again)) for line in self.lines())

    def add(self, line: Line) -> None:
        json_lines.append(self._path, line)

    def folder(self, key: Mapping[str, Any]) -> Path:
        """The row's own store."""
        words = "-".join(f"{key[name]:g}" if isinstance(key[name], float) else str(key[name]) for name in KEY)
        return self._path.resolve().with_suffix(".stores") / re.sub(r"[^\w.-]+", "_", words)


def _name(key: Mapping[str, Any]) -> str:
    return json.dumps([key.get(name) for name in KEY])
