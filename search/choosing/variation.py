"""Variation: points of a table near others, and points at random; what a model of the search chooses from."""

import random
from collections.abc import Mapping, Sequence

from space.dimension import Choice, Dimension, Integer, Value
from space.dimensions import ARCHITECTURE, network_in
from space.networks.network import Choosable
from space.shapes import gone, halving, narrowing, never, widths_of

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
        self._network = network_in(table)
        self._units = self._network.units
        self._halvings = [halving(place) for place in range(len(self._network.halvings))]
        of_shape = {ARCHITECTURE, *self._halvings, *map(narrowing, self._units)}
        self._others = [name for name in self._table if name not in of_shape]

    def anew(self) -> dict[str, Value]:
        """At random, networks of few blocks as likely as those of many."""
        values = {name: self._drawn(dimension) for name, dimension in self._table.items()}
        removable = [index for index in range(len(self._units)) if self._can_go(index)]
        kept = self._draw.sample(removable, self._draw.randint(min(_FEWEST, len(removable)), len(removable)))
        steps = {index: self._draw.randrange(gone(self._units[index])) for index in sorted(kept)}
        values |= {narrowing(self._units[index]): gone(self._units[index]) for index in removable}
        for index in kept:
            # What one of them needs counts as well.
            if sum(self._is_there(values, self._units[place]) for place in removable) < len(kept):
                values[narrowing(self._units[index])] = steps[index]
                self._complete(values, index)
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
        unit = self._units[self._draw.randrange(len(self._units))]
        if kind < _WIDTH:
            unit = self._draw.choice([unit for unit in self._units if self._is_there(values, unit)])
            self._step(values, narrowing(unit), 2, gone(unit) - 1)
        elif kind < _WIDTH + _BLOCK:
            index = self._units.index(unit)
            if self._can_go(index):
                is_there = self._is_there(values, unit)
                values[narrowing(unit)] = gone(unit) if is_there else self._width_beside(values, index)
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
        widths = widths_of(self._network, values)
        lost = {narrowing(self._units[index]): gone(self._units[index])
                for index, width in enumerate(widths) if not width and self._can_go(index)}  # fmt: skip
        return {**values, **lost}

    def _complete(self, values: dict[str, Value], index: int) -> None:
        """Adds a unit that this one cannot be there without, where there is such a one."""
        if widths_of(self._network, values)[index]:
            return
        present = [int(self._is_there(values, unit)) for unit in self._units]
        for place in self._draw.sample(range(len(self._units)), len(self._units)):
            if present[place] or not self._can_go(place):
                continue
            if self._network.consistent([*present[:place], 1, *present[place + 1 :]])[index]:
                values[narrowing(self._units[place])] = self._width_beside(values, place)
                return

    def _is_there(self, values: Mapping[str, Value], unit: Choosable) -> bool:
        return values[narrowing(unit)] != gone(unit)

    def _step(self, values: dict[str, Value], name: str, most: int, highest: int) -> None:
        dimension = self._table.get(name)
        if isinstance(dimension, Integer):
            step = self._draw.choice([step for step in range(-most, most + 1) if step])
            values[name] = min(max(int(values[name]) + step, dimension.low), min(dimension.high, highest))

    def _width_beside(self, values: Mapping[str, Value], index: int) -> int:
        """A new block is about as wide as the one before it; one with none before it is of any width."""
        unit = self._units[index]
        before = next((other for other in reversed(self._units[:index]) if self._is_there(values, other)), None)
        if before is None:
            return self._draw.randrange(gone(unit))
        # Counted from the narrow end the steps of units on the same rungs agree.
        from_end = gone(before) - int(values[narrowing(before)]) + self._draw.randint(-2, 3)
        return gone(unit) - min(max(from_end, 1), gone(unit))

    def _can_go(self, index: int) -> bool:
        unit = self._units[index]
        dimension = self._table[narrowing(unit)]
        return isinstance(dimension, Integer) and dimension.low < dimension.high == gone(unit)

    def _drawn(self, dimension: Dimension) -> Value:
        if isinstance(dimension, Choice):
            return self._draw.choice(dimension.choices)
        return self._draw.randint(dimension.low, dimension.high)
