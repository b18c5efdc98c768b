"""Variation: points of a table near others, and points at random; what a model of the search chooses from."""

import random
from collections.abc import Mapping, Sequence

from space.dimension import Choice, Dimension, Integer, Value
from space.dimensions import ARCHITECTURE, network_in
from space.networks.network import thinned
from space.shapes import gone, halving, narrowing, never, shape_values

# How many of a hundred changes are of a width, of a block that comes or goes, of a halving's place; the rest are of
# anything else.
_WIDTH, _BLOCK, _HALVING = 45, 25, 20
# The smallest networks of a random draw have so many blocks.
_FEWEST = 2
# Every block with so much of its width: such networks keep most of what the baseline has learned, and points at random
# are next to none of them.
SHARES = tuple(eighths / 8 for eighths in range(1, 8))
# Changes tried before a point stays as it is: where next to nothing varies there may be none.
_TRIES = 100


class Variation:
    """Draws points of a table. Fixed dimensions keep their value."""

    def __init__(self, table: Sequence[Dimension], draw: random.Random) -> None:
        self._table = {dimension.name: dimension for dimension in table}
        self._draw = draw
        self._network = network_in(table)
        self._units = self._network.units
        # Lists with a place for each unit: its dimension, its widths with 0 for gone, whether the table lets it go.
        self._narrowings = [narrowing(unit) for unit in self._units]
        self._steps = [(*unit.widths, 0) for unit in self._units]
        self._removable = [self._lets_go(index) for index in range(len(self._units))]
        self._halvings = [halving(place) for place in range(len(self._network.halvings))]
        of_shape = {ARCHITECTURE, *self._halvings, *self._narrowings}
        self._others = [name for name in self._table if name not in of_shape]

    def anew(self) -> dict[str, Value]:
        """Values at random, networks of few blocks as likely as those of many."""
        values = {name: self._drawn(dimension) for name, dimension in self._table.items()}
        removable = [index for index, removable in enumerate(self._removable) if removable]
        kept_units = self._draw.sample(removable, self._draw.randint(min(_FEWEST, len(removable)), len(removable)))
        steps = {index: self._draw.randrange(gone(self._units[index])) for index in sorted(kept_units)}
        values |= {self._narrowings[index]: gone(self._units[index]) for index in removable}
        for index in kept_units:
            # What one of them needs counts as well.
            if sum(self._is_there(values, place) for place in removable) < len(kept_units):
                values[self._narrowings[index]] = steps[index]
                self._complete(values, index)
        return values

    def thinned(self, share: float, others: Mapping[str, Value] | None = None) -> dict[str, Value]:
        """Every block with about this share of its width, as far as the table lets it; all else as in `others`, or at
        random."""
        values = dict(others or {name: self._drawn(dimension) for name, dimension in self._table.items()})
        network = thinned(self._network, share)
        shape = shape_values(self._network, network.widths, network.halvings)
        assert shape is not None, "a thinned network has widths that its units can be given"
        for name, value in shape.items():
            if isinstance(dimension := self._table.get(name), Integer):
                values[name] = min(max(int(value), dimension.low), dimension.high)
        return values

    def near(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """One change, or a few."""
        before = self._consistent(values)
        changed = dict(before)
        for _ in range(_TRIES):
            self._change(changed)
            changed = self._consistent(changed)
            if changed != before and self._draw.random() < 0.5:
                break
        return changed

    def between(self, first: Mapping[str, Value], second: Mapping[str, Value]) -> dict[str, Value]:
        """Each value from one of the two."""
        return {name: (first if self._draw.random() < 0.5 else second)[name] for name in self._table}

    def _change(self, values: dict[str, Value]) -> None:
        kind = self._draw.randrange(100)
        index = self._draw.randrange(len(self._units))
        if kind < _WIDTH:
            index = self._draw.choice([place for place in range(len(self._units)) if self._is_there(values, place)])
            self._step(values, self._narrowings[index], 2, gone(self._units[index]) - 1)
        elif kind < _WIDTH + _BLOCK:
            if self._removable[index]:
                is_there = self._is_there(values, index)
                width = gone(self._units[index]) if is_there else self._width_beside(values, index)
                values[self._narrowings[index]] = width
                if not is_there:
                    self._complete(values, index)
        elif kind < _WIDTH + _BLOCK + _HALVING:
            if self._halvings:
                self._step(values, self._draw.choice(self._halvings), 3, never(self._network))
        else:
            name = self._draw.choice(self._others)
            # How long to train is asked of the model, not of chance.
            if name != "epochs":
                values[name] = self._drawn(self._table[name])

    def _consistent(self, values: Mapping[str, Value]) -> dict[str, Value]:
        """What its network cannot have without something that is gone is gone too: else a change of it changes
        nothing."""
        widths = self._widths_of(values)
        lost = {self._narrowings[index]: gone(self._units[index])
                for index, width in enumerate(widths) if not width and self._removable[index]}  # fmt: skip
        return {**values, **lost}

    def _widths_of(self, values: Mapping[str, Value]) -> Sequence[int]:
        places = [int(values[name]) for name in self._narrowings]
        return self._network.consistent([steps[place] for steps, place in zip(self._steps, places, strict=True)])

    def _complete(self, values: dict[str, Value], index: int) -> None:
        """Adds a unit that this one cannot be there without, where there is such a one."""
        if self._widths_of(values)[index]:
            return
        present = [int(self._is_there(values, place)) for place in range(len(self._units))]
        for place in self._draw.sample(range(len(self._units)), len(self._units)):
            if present[place] or not self._removable[place]:
                continue
            if self._network.consistent([*present[:place], 1, *present[place + 1 :]])[index]:
                values[self._narrowings[place]] = self._width_beside(values, place)
                return

    def _is_there(self, values: Mapping[str, Value], index: int) -> bool:
        return values[self._narrowings[index]] != len(self._steps[index]) - 1

    def _step(self, values: dict[str, Value], name: str, most: int, highest: int) -> None:
        dimension = self._table.get(name)
        if isinstance(dimension, Integer):
            step = self._draw.choice([step for step in range(-most, most + 1) if step])
            values[name] = min(max(int(values[name]) + step, dimension.low), min(dimension.high, highest))

    def _width_beside(self, values: Mapping[str, Value], index: int) -> int:
        """A new block is about as wide as the one before it; one with none before it is of any width."""
        unit = self._units[index]
        before = next((place for place in reversed(range(index)) if self._is_there(values, place)), None)
        if before is None:
            return self._draw.randrange(gone(unit))
        # Counted from the narrow end the steps of units on the same rungs agree.
        from_end = gone(self._units[before]) - int(values[self._narrowings[before]]) + self._draw.randint(-2, 3)
        return gone(unit) - min(max(from_end, 1), gone(unit))

    def _lets_go(self, index: int) -> bool:
        unit = self._units[index]
        dimension = self._table[self._narrowings[index]]
        return isinstance(dimension, Integer) and dimension.low < dimension.high == gone(unit)

    def _drawn(self, dimension: Dimension) -> Value:
        if isinstance(dimension, Choice):
            return self._draw.choice(dimension.choices)
        return self._draw.randint(dimension.low, dimension.high)
