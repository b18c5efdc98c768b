"""Lettering: how much room a text takes, so that it is shortened rather than clipped."""

from collections.abc import Sequence

# Widths of Helvetica, whose metrics Arial has, in thousandths of the size; other characters count as wide.
_WIDTHS = {
    **dict.fromkeys("ijl'", 222),
    **dict.fromkeys(" !,./:;I[]\\ft|·", 278),
    **dict.fromkeys("r()-`*", 350),
    **dict.fromkeys("cksvxyzJ", 500),
    **dict.fromkeys("abdeghnopquL0123456789?#$_–", 556),
    **dict.fromkeys("+=<>~±×", 584),
    **dict.fromkeys("FTZ", 611),
    **dict.fromkeys("ABEKPSVXY&", 667),
    **dict.fromkeys("CDHNRUw", 722),
    **dict.fromkeys("GOQ", 778),
    **dict.fromkeys("Mm", 833),
}
_WIDE = 1000
# Bold letters are wider, and programs place text a little differently.
_BOLD, _SLACK = 1.08, 1.03


def width(text: str, points: float, *, bold: bool = False) -> float:
    """The width in inches, on one line."""
    units = sum(_WIDTHS.get(letter, _WIDE) for letter in text)
    return units / 1000 * points / 72 * _SLACK * (_BOLD if bold else 1)


def lines(text: str, points: float, room: float, *, bold: bool = False) -> list[str]:
    """The text's lines as it is wrapped; a word longer than a line goes on in the next."""
    done, last = [], ""
    for word in text.split(" "):
        joined = f"{last} {word}" if last else word
        if width(joined, points, bold=bold) <= room:
            last = joined
            continue
        if last:
            done.append(last)
        while width(word, points, bold=bold) > room and len(word) > 1:
            head = _head(word, points, room, bold)
            done.append(head)
            word = word[len(head) :]
        last = word
    return [*done, last]


def shortened(text: str, points: float, room: float, most: int = 1, *, bold: bool = False) -> str:
    """At most so many lines; the end gives way."""
    text = " ".join(text.split())
    if len(lines(text, points, room, bold=bold)) <= most:
        return text
    shorter = text
    while shorter and len(lines(shorter + "…", points, room, bold=bold)) > most:
        shorter = shorter[: -max(1, len(shorter) // 50)]
    return shorter.rstrip(" ,;·") + "…"


def height(texts: Sequence[str], points: float, room: float, *, spacing: float = 1.2, after: float = 0.0) -> float:
    """The height in inches of paragraphs with so many points after each."""
    count = sum(len(lines(text, points, room)) for text in texts)
    return (count * points * spacing + len(texts) * after) / 72


def fitting(texts: Sequence[str], points: float, room: float, tall: float, after: float) -> list[str]:
    """As many paragraphs as there is room for; the last says how many are left out."""
    paragraphs = list(texts)
    while paragraphs and height(_with_rest(paragraphs, texts), points, room, after=after) > tall:
        paragraphs.pop()
    return _with_rest(paragraphs, texts)


def _with_rest(paragraphs: Sequence[str], texts: Sequence[str]) -> list[str]:
    left = len(texts) - len(paragraphs)
    return [*paragraphs, f"and {left} more, in the notes"] if left else list(paragraphs)


def _head(word: str, points: float, room: float, bold: bool) -> str:
    count = next(
        (end for end in range(len(word), 1, -1) if width(word[:end], points, bold=bold) <= room),
        1,
    )
    return word[:count]
