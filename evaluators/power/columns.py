"""Columns: which of a line's values are volts, amps, watts and time, and in which unit, by their names."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from evaluators.power.sample import GarbageError, Sample, sample

# What a word in a column's name says: the quantity, and the factor to its unit.
_WORDS = {
    **dict.fromkeys(("v", "volt", "volts", "voltage"), ("volts", 1.0)),
    **dict.fromkeys(("mv", "millivolts"), ("volts", 1e-3)),
    **dict.fromkeys(("a", "amp", "amps", "ampere", "amperes", "current"), ("amps", 1.0)),
    **dict.fromkeys(("ma", "milliamps"), ("amps", 1e-3)),
    **dict.fromkeys(("w", "watt", "watts", "power"), ("watts", 1.0)),
    **dict.fromkeys(("mw", "milliwatts"), ("watts", 1e-3)),
    **dict.fromkeys(("uw", "microwatts"), ("watts", 1e-6)),
    **dict.fromkeys(("s", "t", "sec", "seconds", "time", "timestamp", "date", "datetime"), ("time", 1.0)),
    **dict.fromkeys(("ms", "millis", "milliseconds"), ("time", 1e-3)),
    **dict.fromkeys(("us", "micros", "microseconds"), ("time", 1e-6)),
}
# As programs print them, up to 17 digits and an exponent; no nan, no inf.
NUMBER = r"[+-]?\d{1,12}(?:\.\d{0,20})?(?:[eE][+-]?\d{1,2})?"
_SEPARATOR = re.compile(r"[,;\t ]\s*")


@dataclass(frozen=True, slots=True)
class Column:
    """None for one that is not used."""

    quantity: str | None
    factor: float = 1.0

    @classmethod
    def named(cls, name: str) -> Self:
        """`V`, `mA`, `current_ma`, `Bus Voltage (V)`: a unit counts more than a word for the quantity."""
        named = [_WORDS[word] for word in re.findall("[a-z]+", name.lower()) if word in _WORDS]
        quantities = {quantity for quantity, _ in named}
        # A power's name may have its time in it, an energy's its power: two quantities are none of ours.
        if len(quantities) != 1 or re.search("wh|joule|energy", name.lower()):
            return cls(None)
        return cls(quantities.pop(), min((factor for _, factor in named), default=1.0))


@dataclass(frozen=True, slots=True)
class Columns:
    columns: tuple[Column, ...]

    @classmethod
    def named(cls, names: Sequence[str]) -> Self:
        """ValueError where no power can be worked out, or a quantity stands there twice."""
        columns = [Column.named(name) for name in names]
        used = [column.quantity for column in columns if column.quantity]
        for twice in {quantity for quantity in used if used.count(quantity) > 1}:
            raise ValueError(f"{twice} stand in several columns of {', '.join(names)}")
        if "watts" not in used and not {"volts", "amps"} <= set(used):
            raise ValueError(f"neither watts nor volts and amps are among {', '.join(names)}")
        return cls(tuple(columns))

    def values(self, words: Sequence[str]) -> dict[str, float]:
        """The numbers of a line by quantity; GarbageError where they are none."""
        if len(words) != len(self.columns):
            raise GarbageError(f"{len(words)} values for {len(self.columns)} columns")
        return {
            column.quantity: number(word) * column.factor
            for column, word in zip(self.columns, words, strict=True)
            if column.quantity
        }

    def sample(self, line: str) -> Sample:
        """The sample of a line whose values stand between commas, semicolons, tabs or spaces."""
        values = self.values(split(line))
        return sample_of(values)


def sample_of(values: Mapping[str, float]) -> Sample:
    """The sample of the values that a line holds, by quantity."""
    volts, amps, watts = (values.get(name, math.nan) for name in ("volts", "amps", "watts"))
    return sample(volts, amps, watts, values.get("time"))


def split(line: str) -> list[str]:
    return _SEPARATOR.split(line.strip())


def number(word: str) -> float:
    if not re.fullmatch(NUMBER, word.strip()):
        raise GarbageError(f"{word[:20]!r} is no number")
    return float(word)
