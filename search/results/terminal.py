"""Terminal: text for people goes there as it is. What a board, a meter or another user wrote is never interpreted."""

from typing import Any

from rich.console import Console
from rich.text import Text


def plain(text: str) -> str:
    """Without what moves a terminal's cursor, changes its colours or turns the order of letters round."""
    return "".join(letter if letter.isprintable() or letter in "\n\t" else " " for letter in text)


class _PlainConsole(Console):
    def render_str(self, text: str, **options: Any) -> Text:
        """Rich calls it for every text that it prints, cells of tables and titles included."""
        return super().render_str(plain(text), **options)


def plain_console(**options: Any) -> Console:
    """Neither markup nor emoji: "[/red]" and ":smile:" are what somebody wrote."""
    return _PlainConsole(markup=False, emoji=False, highlight=False, **options)
