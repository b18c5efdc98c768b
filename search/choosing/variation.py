"""Variation: points of a table near others, and points at random; what a model of the search chooses from."""

import random
from collections.abc import Mapping, Sequence

from space.dimensions import NEVER, Choice, Dimension, Integer, Value, gone, halving, narrowing
from space.networks.mobilenet_v1.shape import HALVINGS, WIDTHS

# How many of a hundred changes are of a width, of a block that comes or goes, of a halving's place; the rest are of
# anything else.
_WIDTH, _BLOCK, _HALVING = 45, 25, 20
# The smallest networks of a random draw have so many blocks.
_FEWEST = 2
# Changes tried before a point stays as it is: where next to nothing varies there may be none.
_TRIES = 100


class Variation:
    """Draws points of a table. Fixed dimensions keep their value."""

    def __init__(self, table: Sequence[Dimension], draw: random.Random) -> None:
        self._table = {dimension.name: dimension for dimension in table}
        self._draw = draw

    def anew(self) -> dict[str, Value]:
        """At random, networks of few blocks as likely as those of many."""
        values = {name: self._drawn(dimension) for name, dimension in self._table.items()}
        removable = [index for index in range(1, len(WIDTHS)) if self._can_go(index)]
        kept = set(self._draw.sample(removable, self._draw.randint(min(_FEWEST, len(removable)), len(removable))))
        for index in removable:
            values[narrowing(index)] = self._draw.randrange(gone(index)) if index in kept else gone(index)
        return values

    def near(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """One change, or a few."""
        changed = dict(values)
        for _ in range(_TRIES):
            self._change(changed)
            if changed != values and self._draw.random() < 0.5:
                break
        return changed

    def between(self, first: Mapping[str, Value], second: Mapping[str, Value]) -> dict[str, Value]:
        """Each value from one of the two."""
        return {name: (first if self._draw.random() < 0.5 else second)[name] for name in self._table}

    def _change(self, values: dict[str, Value]) -> None:
        kind = self._draw.randrange(100)
        index = self._draw.randrange(len(WIDTHS))
        if kind < _WIDTH:
            present = [unit for unit in range(len(WIDTHS)) if values[narrowing(unit)] != gone(unit)]
            index = self._draw.choice(present)
            self._step(values, narrowing(index), 2, gone(index) - 1)
        elif kind < _WIDTH + _BLOCK:
            if self._can_go(index):
                is_present = values[narrowing(index)] != gone(index)
                values[narrowing(index)] = gone(index) if is_present else self._width_beside(values, index)
        elif kind < _WIDTH + _BLOCK + _HALVING:
            self._step(values, halving(self._draw.randrange(len(HALVINGS))), 3, NEVER)
        else:
            others = [name for name in self._table if not name.startswith(("stem", "block", "halving"))]
            name = self._draw.choice(others)
            # How long to train is asked of the model, not of chance.
            if name != "epochs":
                values[name] = self._drawn(self._table[name])

    def _step(self, values: dict[str, Value], name: str, most: int, highest: int) -> None:
        dimension = self._table.get(name)
        if isinstance(dimension, Integer):
            step = self._draw.choice([step for step in range(-most, most + 1) if step])
            values[name] = min(max(int(values[name]) + step, dimension.low), min(dimension.high, highest))

    def _width_beside(self, values: Mapping[str, Value], index: int) -> int:
        """A new block is about as wide as the one before it."""
        before = next(unit for unit in range(index - 1, -1, -1) if values[narrowing(unit)] != gone(unit))
        # Counted from the narrow end the steps of all units agree.
        from_end = gone(before) - int(values[narrowing(before)]) + self._draw.randint(-2, 3)
        return gone(index) - min(max(from_end, 1), gone(index))

    def _can_go(self, index: int) -> bool:
        dimension = self._table[narrowing(index)]
        return isinstance(dimension, Integer) and dimension.low < dimension.high == gone(index)

    def _drawn(self, dimension: Dimension) -> Value:
        if isinstance(dimension, Choice):
            return self._draw.choice(dimension.choices)
        return self._draw.randint(dimension.low, dimension.high)
