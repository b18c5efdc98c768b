"""Layer costs: what a network asks of a processor, one figure for each coefficient of a latency model."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from operator import attrgetter
from typing import Any

import numpy as np
from numpy.typing import NDArray

from space.data.images import ImageShape
from space.networks.choose import network_named
from space.recipe import Recipe

Floats = NDArray[Any]


@dataclass(frozen=True, slots=True)
class Term:
    """A coefficient of a kind of layer: what it is of, and seconds on a typical processor. Large layers share it with
    small ones in fp32."""

    kind: str
    figure: str
    typical_s: float
    large: bool = False


CALL, _FULL, _DEPTHWISE, _POINTWISE, LINEAR = "call", "full", "depthwise", "pointwise", "linear"
# Seconds of one thread of a server's processor, about as networks of this project take them; timings scale all of them
# together first. Of each call; then for each operator, MAC, value written and read, pixel, and weight.
_TYPICAL_S = {
    CALL: {"operators": 5e-6, "beyond": 1e-10},
    _FULL: {"operators": 1e-6, "macs": 4e-11, "written": 2e-10, "read": 2e-10},
    _DEPTHWISE: {"operators": 1e-6, "macs": 1e-10, "written": 2e-10, "read": 2e-10, "pixels": 2e-9},
    _POINTWISE: {
        **{"operators": 1e-6, "macs": 2.5e-11, "written": 2e-10, "read": 2e-10},
        **{"pixels": 2e-9, "weights": 1e-10},
    },
    LINEAR: {"operators": 1e-6, "macs": 1e-10},
}
# Layers with so many weights may be quantized where smaller ones stay in fp32, as converters leave them.
_LARGE = 1024
TERMS = tuple(
    Term(kind, figure, seconds, large)
    for large in (False, True)
    for kind, figures in _TYPICAL_S.items()
    for figure, seconds in figures.items()
    if not large or kind in (_DEPTHWISE, _POINTWISE)
)
COUNT = len(TERMS)
# Channels are computed in blocks of so many: those of AVX-512, and the most that runtimes take on other processors.
_BLOCK = 16
# Weights of a network beyond so many leave the nearer caches: a megabyte of them.
_CACHED = 3e5

_LAYER = attrgetter("reads", "channels", "kernel", "side")


def costs_of(recipes: Sequence[Recipe], image: ImageShape | None) -> Floats:
    """For each network what stands before each coefficient, in seconds on a typical processor."""
    if not recipes:
        return np.zeros((0, COUNT))
    networks, sides = [], []
    for recipe in recipes:
        network = network_named(recipe.architecture)
        shape = image or network.image
        networks.append(network.layers(recipe.widths, recipe.halvings, shape, network.classes))
        sides.append(shape.side)
    counts = np.array([len(layers) for layers in networks])
    cells = chain.from_iterable(map(_LAYER, chain.from_iterable(networks)))
    reads, channels, kernel, side = np.fromiter(cells, dtype=float, count=4 * counts.sum()).reshape(-1, 4).T
    ends = np.cumsum(counts)
    starts = ends - counts
    before = np.roll(side, 1)
    before[starts] = sides
    # What follows the last map is linear, too, after an average over that map.
    linear = (kernel == 1) & (side == 1) & (before == 1)
    linear[ends - 1] = True
    depthwise = (reads == 1) & (kernel > 1)
    of_kind = {
        _FULL: (kernel > 1) & ~depthwise,
        _DEPTHWISE: depthwise,
        _POINTWISE: (kernel == 1) & ~linear,
        LINEAR: linear,
    }
    weights = channels * reads * kernel**2
    blocks, read_blocks = _whole_blocks(channels), _whole_blocks(np.where(depthwise, channels, reads))
    figures = {
        "operators": np.ones(len(side)),
        "macs": np.where(linear, channels, blocks) * side**2 * reads * kernel**2,
        "written": blocks * side**2,
        "read": read_blocks * before**2,
        "pixels": side**2,
        "weights": blocks * reads,
    }
    large = weights >= _LARGE
    columns = []
    for term in TERMS:
        if term.kind == CALL:
            beyond = np.maximum(np.add.reduceat(weights, starts) - _CACHED, 0.0)
            columns.append(np.ones(len(recipes)) if term.figure == "operators" else beyond)
        else:
            chosen = of_kind[term.kind]
            if term.kind in (_DEPTHWISE, _POINTWISE):
                chosen = chosen & (large == term.large)
            columns.append(np.add.reduceat(chosen * figures[term.figure], starts))
    rows: Floats = np.column_stack(columns) * np.array([term.typical_s for term in TERMS])
    return rows


def _whole_blocks(channels: Floats) -> Floats:
    blocks: Floats = np.ceil(channels / _BLOCK) * _BLOCK
    return blocks
