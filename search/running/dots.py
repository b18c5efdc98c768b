"""Dots: accuracy against latency in the letters of a terminal, eight dots to a letter."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum

from rich.text import Text

from search.results.wording import number

# The bits of the dots of a Braille letter, by column and row.
_BITS = ((0x01, 0x02, 0x04, 0x40), (0x08, 0x10, 0x20, 0x80))
_BLANK = 0x2800
# Networks that are less accurate than the line by more than this are counted, not drawn.
_BELOW = 0.10
# Columns of the percentages on the left.
_LEFT = 7


class Kind(Enum):
    """The kind of a dot, told by letters as well as by colours."""

    OTHER = ""
    FRONT = "o"
    BASELINE = "+"
    BEST = "●"


_STYLES = {Kind.OTHER: "", Kind.FRONT: "", Kind.BASELINE: "bold", Kind.BEST: "bold"}


@dataclass(frozen=True, slots=True)
class Dot:
    latency_ms: float
    share: float
    kind: Kind = Kind.OTHER


def plot(dots: Sequence[Dot], line: float, width: int, height: int) -> list[Text]:
    """`height` rows, the last with latencies; `line` is the accuracy that counts."""
    known = [dot for dot in dots if math.isfinite(dot.latency_ms) and dot.latency_ms > 0]
    above = [dot for dot in known if dot.share >= line - _BELOW]
    drawn = above if any(dot.kind is not Kind.BASELINE for dot in above) else known
    if not drawn:
        return []
    grid = _Grid(drawn, line, width - _LEFT, height - 1)
    left = len(known) - len(drawn)
    return [*grid.rows(line), grid.axis(f"{left} below {100 * (line - _BELOW):.0f} %" if left else "")]


class _Grid:
    def __init__(self, dots: Sequence[Dot], line: float, columns: int, rows: int) -> None:
        self._dots, self._columns, self._rows = dots, columns, rows
        latencies = [dot.latency_ms for dot in dots]
        # The picture spans at least a factor of two, so that the noise of what is alike is no distance.
        self._fast, self._slow = min(latencies), max(*latencies, 2 * min(latencies))
        shares = [line, *(dot.share for dot in dots)]
        self._least, self._most = min(shares), max(*shares, min(shares) + 0.02)

    def _place(self, latency_ms: float, share: float) -> tuple[int, int]:
        """The place in dots, from the left and from above."""
        across = math.log(latency_ms / self._fast) / math.log(self._slow / self._fast)
        up = (share - self._least) / (self._most - self._least)
        return round(across * (2 * self._columns - 1)), round((1 - up) * (4 * self._rows - 1))

    def rows(self, line: float) -> Iterator[Text]:
        bits = [[0] * self._columns for _ in range(self._rows)]
        marks: dict[tuple[int, int], Kind] = {}
        order = list(Kind)
        for dot in sorted(self._dots, key=lambda dot: order.index(dot.kind)):
            across, down = self._place(dot.latency_ms, dot.share)
            bits[down // 4][across // 2] |= _BITS[across % 2][down % 4]
            if dot.kind is not Kind.OTHER:
                marks[down // 4, across // 2] = dot.kind
        at_line = self._place(self._fast, line)[1] // 4
        half = (self._most + self._least) / 2
        named = {0: self._most, self._rows // 2: half, self._rows - 1: self._least, at_line: line}
        for row, letters in enumerate(bits):
            text = Text(f"{100 * named[row]:4.0f} % " if row in named else " " * _LEFT, style="dim")
            for column, content in enumerate(letters):
                kind = marks.get((row, column))
                if kind:
                    text.append(kind.value, _STYLES[kind])
                elif content:
                    text.append(chr(_BLANK + content), "not dim")
                else:
                    text.append("╌" if row == at_line else " ")
            yield text

    def axis(self, note: str) -> Text:
        """The fastest, the slowest, and the middle between them."""
        texts = [f"{number(value)} ms" for value in (self._fast, math.sqrt(self._fast * self._slow), self._slow)]
        middle = f"{texts[1]} {note and f'  ({note})'}".rstrip()
        room = self._columns - len(texts[0]) - len(texts[2])
        middle = middle if len(middle) + 2 <= room else ""
        return Text(" " * _LEFT + texts[0] + middle.center(room) + texts[2], style="dim")
