"""Shapes: widths and halvings of a network as values of dimensions, and back."""

from collections.abc import Mapping, Sequence

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
    return network.consistent([(*unit.widths, 0)[int(values[narrowing(unit)])] for unit in network.units])


def shape_of(network: Network, values: Steps) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Widths and halvings; where the values say nothing of halvings, those of the unpruned network."""
    widths = widths_of(network, values)
    due = [int(values[halving(place)]) for place in range(len(network.halvings)) if halving(place) in values]
    return widths, _halvings(network, due, widths) if due else network.halvings


def shape_values(
    network: Network, widths: Sequence[int], halvings: Sequence[int]
) -> dict[str, int | float | str] | None:
    """None for a width that no unit can be given."""
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
    """Each takes place in the first block that is there, can do it and halves nothing yet; after the last one not at
    all."""
    taken: list[int] = []
    able = [index for index, unit in enumerate(network.units) if unit.halves and widths[index]]
    for place in sorted(due):
        free = (index for index in able if index >= place and index not in taken)
        if (index := next(free, None)) is not None:
            taken.append(index)
    return tuple(sorted(taken))
