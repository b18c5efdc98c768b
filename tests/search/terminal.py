"""A terminal of so many columns and rows, as far as the search moves its cursor: what stands there after each picture,
and whether a line ever ran over."""

import os
import pty
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

from rich.cells import cell_len

_PART = re.compile(r"\x1b\[(?P<words>[?\d;]*)(?P<kind>[A-Za-z])|(?P<move>[\r\n])|(?P<text>[^\x1b\r\n]+)|(?P<other>.)")
# What a terminal does without a change to its letters: colours, the cursor shown or hidden.
_NO_MATTER = {"m", "h", "l"}


class Terminal:
    def __init__(self, columns: int = 80, rows: int = 24) -> None:
        self.columns, self.rows = columns, rows
        self.overrun: list[str] = []
        # The letters of the other screen after each picture.
        self.frames: list[list[str]] = []
        self._alternate = False
        self._lines = [""] * rows
        self._row = self._column = 0
        self._rest = ""

    def feed(self, content: str) -> None:
        """What a program wrote at once; a sequence may be cut off in the middle."""
        content = self._rest + content
        cut = content.rfind("\x1b")
        whole = len(content) if cut < 0 or re.match(r"\x1b\[[?\d;]*[A-Za-z]", content[cut:]) else cut
        self._rest, content = content[whole:], content[:whole]
        for part in _PART.finditer(content):
            self._do(part)
        if self._alternate:
            self.frames.append(list(self._lines))

    def _do(self, part: "re.Match[str]") -> None:
        words, kind = part["words"], part["kind"]
        if words in ("?1049", "?1049") and kind in "hl":
            self._alternate = kind == "h"
        elif not self._alternate or kind in _NO_MATTER:
            return
        elif kind == "H":
            row, column = map(int, words.split(";")) if words else (1, 1)
            self._row, self._column = row - 1, column - 1
        elif kind == "K":
            self._lines[self._row] = ""
        elif kind == "J":
            self._lines = [""] * self.rows
        elif part["text"]:
            self._write(part["text"])
        else:
            raise AssertionError(f"this moves the cursor in a way that is not known: {part[0]!r}")

    def _write(self, text: str) -> None:
        line = self._lines[self._row].ljust(self._column) + text
        self._column += cell_len(text)
        self._lines[self._row] = line
        if self._column > self.columns or self._row >= self.rows:
            self.overrun.append(line)


def shown(command: Sequence[str], environment: dict[str, str], folder: Path, terminal: Terminal) -> int:
    """Runs it on the terminal to its end; its status."""
    ours, theirs = pty.openpty()
    size = {"COLUMNS": str(terminal.columns), "LINES": str(terminal.rows), "TERM": "xterm-256color"}
    with subprocess.Popen(
        command, cwd=folder, env={**environment, **size}, stdin=theirs, stdout=theirs, stderr=theirs
    ) as process:
        os.close(theirs)
        decoded = b""
        while True:
            try:
                decoded += os.read(ours, 1 << 16)
            except OSError:
                break
            text = decoded.decode(errors="ignore")
            decoded = decoded[len(text.encode()) :]
            terminal.feed(text)
        os.close(ours)
        return process.wait()
