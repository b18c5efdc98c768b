"""Shapes: widths and halvings of a network as values of dimensions, and back."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from space.dimension import Dimension, Integer
from space.errors import RequestError
from space.networks.network import Choosable, Network

Steps = Mapping[str, int | float | str]


def narrowing(unit: Choosable) -> str:
    """The dimension of a unit's width."""
    return f"{unit.name}_narrowing"


def gone(unit: Choosable) -> int:
    """The step at which a block is removed."""
    return len(unit.widths)


def halving(place: int) -> str:
    """The dimension of where the image is halved, from 0."""
    return f"halving{place + 1}_at"


def never(network: Network) -> int:
    """Where a halving takes place that does not: after the last unit."""
    return len(network.units)


def widths_of(network: Network, values: Steps) -> tuple[int, ...]:
    return network.consistent([width_at(unit, int(values[narrowing(unit)])) for unit in network.units])


def width_at(unit: Choosable, step: int) -> int:
    """0 where the unit is gone."""
    return unit.widths[step] if step < len(unit.widths) else 0


def with_companions(network: Network, table: tuple[Dimension, ...], fixed: Collection[str]) -> tuple[Dimension, ...]:
    """The table, but what a unit that is fixed cannot be there without does not go in it: else the unit goes all the
    same. RequestError where that is fixed as gone."""
    steps = {dimension.name: dimension for dimension in table if isinstance(dimension, Integer)}
    of_units = [steps[narrowing(unit)] for unit in network.units]
    held = [place for place, unit in enumerate(network.units)
            if of_units[place].name in fixed and of_units[place].low != gone(unit)]  # fmt: skip
    present = {place for place, unit in enumerate(network.units) if of_units[place].low != gone(unit)}
    if lost := _lost(network, held, present):
        absent = ", ".join(network.units[place].name for place in range(len(of_units)) if place not in present)
        raise RequestError(
            f"--fix {of_units[lost[0]].name}: {network.units[lost[0]].name} cannot be there while {absent} is fixed as "
            "gone; fix one of them otherwise"
        )
    companions = set(present)
    for place in sorted(present - {*held}, reverse=True):
        if of_units[place].high == gone(network.units[place]) and not _lost(network, held, companions - {place}):
            companions.remove(place)
    highest = {of_units[place].name: gone(network.units[place]) - 1 for place in companions}
    return tuple(
        replace(dimension, high=min(dimension.high, highest[dimension.name]))
        if isinstance(dimension, Integer) and dimension.name in highest
        else dimension
        for dimension in table
    )


def _lost(network: Network, held: Sequence[int], present: Collection[int]) -> list[int]:
    """Which of those held are not there where these units alone are."""
    widths = network.consistent([unit.width if place in present else 0 for place, unit in enumerate(network.units)])
    return [place for place in held if not widths[place]]


def shape_of(network: Network, values: Steps) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Widths and halvings; where the values say nothing of halvings, those of the unpruned network."""
    widths = widths_of(network, values)
    due = [int(values[halving(place)]) for place in range(len(network.halvings)) if halving(place) in values]
    return widths, _halvings(network, due, widths) if due else network.halvings


def shape_values(
    network: Network, widths: Sequence[int], halvings: Sequence[int]
) -> dict[str, int | float | str] | None:
    """The values of a shape's dimensions; None for a width that no unit can be given."""
    values: dict[str, int | float | str] = {}
    for unit, width in zip(network.units, widths, strict=True):
        steps = (*unit.widths, 0)
        if width not in steps:
            return None
        values[narrowing(unit)] = steps.index(width)
    most = len(network.halvings)
    places = [*halvings, *[never(network)] * most][:most]
    return values | {halving(place): index for place, index in enumerate(places)}


def _halvings(network: Network, due: Sequence[int], widths: Sequence[int]) -> tuple[int, ...]:
    """Where the halvings take place: each in the first block that is there, can do it and halves nothing yet; after the
    last one not at all."""
    halving_places: list[int] = []
    able = [index for index, unit in enumerate(network.units) if unit.halves and widths[index]]
    for place in sorted(due):
        free = (index for index in able if index >= place and index not in halving_places)
        if (index := next(free, None)) is not None:
            halving_places.append(index)
    return tuple(sorted(halving_places))
