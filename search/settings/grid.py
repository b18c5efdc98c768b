"""Grid: what a grid study tries, every fraction with every number of epochs and every quantization."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any, NamedTuple

from space.formats.names import DEFAULT_RUNTIME
from space.formats.quantizations import NONE, QUANTIZATIONS
from space.formats.target import format_for
from space.json_text import from_json
from space.pruning.fractions import pruned
from space.recipe import Recipe


class Point(NamedTuple):
    """Its name in the table of the study; fraction 0 is the unpruned network."""

    quantization: str
    fraction: float
    epochs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    fractions: tuple[float, ...]
    # How long each is fine-tuned; 0: BatchNorm is re-estimated, no more.
    epochs: tuple[int, ...] = (0,)
    quantizations: tuple[str, ...] = (NONE,)
    criterion: str = "l1"
    # The network as it is, too, in every quantization.
    unpruned: bool = False

    def points(self) -> list[Point]:
        """Its points in the order of the table."""
        return [
            Point(quantization, fraction, epochs)
            for quantization in self.quantizations
            for fraction, trainings in [
                *([(0.0, (0,))] if self.unpruned else []),
                *((fraction, self.epochs) for fraction in self.fractions),
            ]
            for epochs in trainings
        ]

    def recipes(self, unpruned: Recipe) -> dict[Point, Recipe]:
        """What each point is carried out as, from the unpruned network's widths."""
        return {
            point: pruned(
                unpruned,
                point.fraction,
                epochs=point.epochs,
                quantization=point.quantization,
                criterion=self.criterion,
            )
            for point in self.points()
        }

    def to_json(self) -> str:
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Grid":
        return from_json(cls, text)


def fraction(text: object) -> float:
    if isinstance(text, bool) or not isinstance(text, int | float) or not 0 < text < 1:
        raise ValueError(f"{text!r} is not a fraction above 0 and below 1; unpruned = true is the network as it is")
    return float(text)


def epochs(text: object) -> int:
    if isinstance(text, bool) or not isinstance(text, int) or not 0 <= text <= 1000:
        raise ValueError(f"{text!r} is not a whole number of epochs from 0 to 1000")
    return text


def quantization(text: object) -> str:
    """Of the files that a grid's recipes are deployed as."""
    known = format_for(DEFAULT_RUNTIME).quantizations
    if text not in known:
        raise ValueError(f"{text!r} is not known; choose {', '.join(known)}")
    return str(text)


def criterion(text: object) -> str:
    """Which ones there are is known where pruning is, which loads torch."""
    if not isinstance(text, str) or not text:
        raise ValueError(f"{text!r} is not the name of a criterion")
    return text


def yes_or_no(text: object) -> bool:
    if not isinstance(text, bool):
        raise ValueError(f"{text!r} is neither true nor false")
    return text


def each(read: Callable[[object], Any], order: Callable[[Any], Any] = lambda value: value) -> Callable[[object], Any]:
    """A list of such values, in one order, so that the same values are the same study."""

    def parse(text: object) -> tuple[Any, ...]:
        if not isinstance(text, list) or not text:
            raise ValueError(f"{text!r} is not a list of one value or more")
        values = [read(value) for value in text]
        twice = next((value for value in values if values.count(value) > 1), None)
        if twice is not None:
            raise ValueError(f"{twice!r} stands there twice")
        return tuple(sorted(values, key=order))

    return parse


# Keys of a file whose kind is "grid", beside those of a search: how each is read.
GRID_KEYS: dict[str, Callable[[object], Any]] = {
    "fractions": each(fraction),
    "epochs": each(epochs),
    "quantizations": each(quantization, list(QUANTIZATIONS).index),
    "criterion": criterion,
    "unpruned": yes_or_no,
}
assert set(GRID_KEYS) == {field.name for field in fields(Grid)}
