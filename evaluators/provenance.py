"""Provenance: where a figure comes from, and with which other figures it may be compared."""

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache


class Kind(StrEnum):
    """How a figure was come by, the most trustworthy kind first."""

    MEASURED = "measured"
    # From a model of the board's power: no meter was there.
    ESTIMATED = "estimated"
    # From other measurements of the same bench.
    PREDICTED = "predicted"


_TEXT = re.compile(rf"({'|'.join(Kind)}) \((.*)\)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Provenance:
    """`str()` of it is what people read and what is stored: `measured (SmartPower2, the whole board)`."""

    kind: Kind
    # The board, runtime, meter, model and protocol behind the figure.
    source: str

    def __str__(self) -> str:
        return f"{self.kind} ({self.source})"

    # Cached, as a thousand rows have a handful of texts.
    @staticmethod
    @lru_cache(maxsize=1024)
    def parse(text: str) -> "Provenance":
        """From the text of a store or a file; anything else is a ValueError."""
        match = _TEXT.fullmatch(text)
        if match is None:
            raise ValueError(f"{text!r} is no provenance: it reads `KIND (SOURCE)`, where KIND is {', '.join(Kind)}")
        return Provenance(Kind(match[1]), match[2])

    def noting(self, addition: str) -> "Provenance":
        """The same with more said of its source."""
        return replace(self, source=f"{self.source}, {addition}")

    def is_comparable_with(self, other: "Provenance") -> bool:
        """Whether figures of the two may be ranked together: only if they come from one source in one way."""
        return self == other
