"""Look: which networks are timed first, untrained: widely different ones, from which a latency model learns most.

Few and many blocks, narrow and wide, halved early and late, in every quantization and setting that a table has: spread
by a low-discrepancy sequence, so that however few of them are timed, they lie far apart. Half of them have their shape
drawn from the table as it comes: the networks that are asked about mix widths as no spread one does.
"""

import random
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from space.dimension import Choice, Dimension, Value
from space.dimensions import RUNTIME, network_in, recipe_of
from space.networks.network import Network
from space.recipe import Recipe
from space.shapes import gone, halving, narrowing, never

# Coordinates of a network: how many blocks it has, how wide they are, how early the image is halved; then settings.
_BLOCKS, _WIDTH, _HALVING = range(3)
# How far a unit's width may lie from that of its network, as a share of its steps, and how often a halving is anywhere.
_WIDTH_SPREAD, _ANYWHERE = 0.35, 0.5
# The share of networks whose shape is drawn as it comes; the share of small ones among the others, as those that win
# are small; and how small: so large a part of the blocks, and halved as early.
_AS_IT_COMES, _SMALL_ONES, _SMALL = 0.5, 0.5, 0.4
# Points drawn in vain before a table has no more structures.
_TRIES = 200


def outlines(table: Sequence[Dimension], runtime: str, seed: int = 0) -> Iterator[Recipe]:
    """Different structures for this runtime; they end where the table has no more. A longer list begins as a shorter
    one does."""
    seen: set[str] = set()
    points = _points(table, runtime, seed)
    while True:
        for recipe in map(recipe_of, islice(points, _TRIES)):
            if recipe.structure_id not in seen:
                seen.add(recipe.structure_id)
                yield recipe
                break
        else:
            return


def _points(table: Sequence[Dimension], runtime: str, seed: int) -> Iterator[dict[str, Value]]:
    # This part of SciPy takes longer to load than all that a search without a look needs of it.
    from scipy.stats import qmc

    network, draw = network_in(table), random.Random(f"look {seed}")
    shape = {*map(narrowing, network.units), *map(halving, range(len(network.halvings)))}
    settings = [dimension for dimension in table if dimension.name not in shape and _matters(dimension)]
    # Each on its own: every other point of one sequence lies in the same half of its first coordinate.
    of_settings, of_shapes = qmc.Halton(max(len(settings), 1), rng=seed), qmc.Halton(_HALVING + 1, rng=seed)
    while True:
        drawn = {dimension.name: _first(dimension) for dimension in table}
        shares = of_settings.random(1)[0]
        drawn |= {dimension.name: _at(dimension, share) for dimension, share in zip(settings, shares, strict=False)}
        if draw.random() < _AS_IT_COMES:
            drawn |= {dimension.name: _at(dimension, draw.random()) for dimension in table if dimension.name in shape}
        else:
            row = of_shapes.random(1)[0]
            if draw.random() < _SMALL_ONES:
                row[[_BLOCKS, _HALVING]] *= _SMALL
                row[_WIDTH] *= 1 - _SMALL
            drawn |= _shape(network, row, draw)
        yield {dimension.name: _within(dimension, drawn[dimension.name], runtime) for dimension in table}


def _shape(network: Network, row: Sequence[float], draw: random.Random) -> Mapping[str, Value]:
    units = network.units
    removable = [unit.name for unit in units if unit.removable]
    kept_blocks = draw.sample(removable, round(row[_BLOCKS] * len(removable)))
    values: dict[str, Value] = {}
    for unit in units:
        last = len(unit.widths) - 1
        share = 1 - row[_WIDTH] + draw.uniform(-_WIDTH_SPREAD, _WIDTH_SPREAD)
        is_there = not unit.removable or unit.name in kept_blocks
        values[narrowing(unit)] = min(max(round(share * last), 0), last) if is_there else gone(unit)
    for place in range(len(network.halvings)):
        share = draw.random() if draw.random() < _ANYWHERE else row[_HALVING]
        values[halving(place)] = min(int(share * (never(network) + 1)), never(network))
    return values


def _matters(dimension: Dimension) -> bool:
    """Whether latency hangs on it."""
    return dimension.name in ("quantization", "threads", "spinning", "input_form", "depthwise_relu")


def _first(dimension: Dimension) -> Value:
    return dimension.choices[0] if isinstance(dimension, Choice) else dimension.low


def _at(dimension: Dimension, share: float) -> Value:
    if isinstance(dimension, Choice):
        return dimension.choices[int(share * len(dimension.choices))]
    return dimension.low + int(share * (dimension.high - dimension.low + 1))


def _within(dimension: Dimension, value: Value, runtime: str) -> Value:
    """What the table has of it: what is fixed stays."""
    if isinstance(dimension, Choice):
        wanted = runtime if dimension.name == RUNTIME else value
        return wanted if wanted in dimension.choices else dimension.choices[0]
    return min(max(int(value), dimension.low), dimension.high)
