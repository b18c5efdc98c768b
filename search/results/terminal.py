"""Terminal: text for people goes there as it is. What a board, a meter or another user wrote is never interpreted."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.control import Control
from rich.segment import ControlType
from rich.text import Text

# Pictures after which every row is written again.
_WHOLE_AFTER = 60
_EMPTY = Text("")


def plain(text: str) -> str:
    """The text without what moves a terminal's cursor, changes its colours or turns the order of letters round."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else " " for letter in text)


class _PlainConsole(Console):
    def render_str(self, text: str, **options: Any) -> Text:
        """Rich calls it for every text that it prints, cells of tables and titles included."""
        return super().render_str(plain(text), **options)


def plain_console(**options: Any) -> Console:
    """A console that reads neither markup nor emoji: "[/red]" and ":smile:" are what somebody wrote."""
    return _PlainConsole(markup=False, emoji=False, highlight=False, **options)


class WholeScreen:
    """The terminal's other screen. Of a picture those rows are written that differ from the one before: a search of
    hours is drawn tens of thousands of times, over a line that may be slow."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._shown: list[Text] = []
        self._size = console.size
        self._drawn = 0

    def draw(self, lines: Sequence[Text]) -> None:
        """One row each; none is longer than the screen is wide."""
        self._drawn += 1
        if self._size != self._console.size or self._drawn % _WHOLE_AFTER == 0:
            # What somebody else wrote there goes as well.
            self._size, self._shown = self._console.size, []
        with self._console:
            for row in range(max(len(lines), len(self._shown), 0 if self._shown else self._size.height)):
                line = lines[row] if row < len(lines) else _EMPTY
                if row >= len(self._shown) or not _alike(line, self._shown[row]):
                    self._console.control(Control.move_to(0, row), Control((ControlType.ERASE_IN_LINE, 2)))
                    self._console.print(line, end="")
        self._shown = list(lines)


def _alike(first: Text, second: Text) -> bool:
    return first == second and first.style == second.style


@contextmanager
def whole_screen(console: Console) -> Iterator[WholeScreen]:
    """The screen is left as it was."""
    with console.screen(hide_cursor=True):
        yield WholeScreen(console)
