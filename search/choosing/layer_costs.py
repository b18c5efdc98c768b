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


CALL, FULL, DEPTHWISE, POINTWISE, LINEAR = "call", "full", "depthwise", "pointwise", "linear"
# Kinds of layers, by their number in LayerCosts.kinds.
KINDS = (FULL, DEPTHWISE, POINTWISE, LINEAR)
# Seconds of one thread of a server's processor, about as networks of this project take them; timings scale all of them
# together first. Of each call; then for each operator, MAC, value written and read, pixel, weight, and channel: a
# runtime without a depthwise kernel computes its channels one by one.
_TYPICAL_S = {
    CALL: {"operators": 5e-6, "beyond": 1e-10},
    FULL: {"operators": 1e-6, "macs": 4e-11, "written": 2e-10, "read": 2e-10},
    DEPTHWISE: {
        **{"operators": 1e-6, "macs": 1e-10, "written": 2e-10, "read": 2e-10},
        **{"pixels": 2e-9, "channels": 1e-9},
    },
    POINTWISE: {
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
    if not large or kind in (DEPTHWISE, POINTWISE)
)
COUNT = len(TERMS)
# Channels are computed in blocks of so many: those of AVX-512, and the most that runtimes take on other processors.
_BLOCK = 16
# Weights of a network beyond so many leave the nearer caches: a megabyte of them.
_CACHED = 3e5

_LAYER = attrgetter("reads", "channels", "kernel", "side")


@dataclass(frozen=True, slots=True)
class LayerCosts:
    """The costs of the layers of several networks, one network after the other, in seconds on a typical processor."""

    # The place of the first layer of each network, and the place of the network that each layer is of.
    starts: Floats
    networks: Floats
    # Numbers of KINDS.
    kinds: Floats
    # Logarithms to base 2 of each layer's channels, of those that it reads, and of its side.
    sizes: Floats
    # What stands before each coefficient, for each layer; and for each network as a whole.
    layers: Floats
    calls: Floats

    def total(self, of_layers: Floats) -> Floats:
        """The sum over the layers of each network."""
        summed: Floats = np.add.reduceat(of_layers, self.starts)
        return summed


def costs_of(recipes: Sequence[Recipe], image: ImageShape | None) -> LayerCosts:
    """`image`: of the data; None for that of each network's design."""
    networks, sides = [], []
    for recipe in recipes:
        network = network_named(recipe.architecture)
        shape = image or network.image
        networks.append(network.layers(recipe.widths, recipe.halvings, shape, network.classes))
        sides.append(shape.side)
    counts = np.array([len(layers) for layers in networks], dtype=int)
    cells = chain.from_iterable(map(_LAYER, chain.from_iterable(networks)))
    reads, channels, kernel, side = np.fromiter(cells, dtype=float, count=4 * counts.sum()).reshape(-1, 4).T
    ends = np.cumsum(counts)
    starts = ends - counts
    before = np.roll(side, 1)
    before[starts] = sides
    # What follows the last map is linear, too, whether that was averaged before or is read whole.
    linear = (kernel == 1) & (side == 1)
    linear[ends - 1] = True
    depthwise = (reads == 1) & (kernel > 1)
    # The first layer reads all that an image has, be it one channel.
    depthwise[starts] = False
    kinds = np.select([linear, depthwise, kernel > 1], [KINDS.index(LINEAR), KINDS.index(DEPTHWISE), KINDS.index(FULL)],
                      KINDS.index(POINTWISE))  # fmt: skip
    weights = channels * reads * kernel**2
    read = np.where(depthwise, channels, reads)
    blocks, read_blocks = _whole_blocks(channels), _whole_blocks(read)
    figures = {
        "operators": np.ones(len(side)),
        "macs": np.where(linear, channels, blocks) * side**2 * reads * kernel**2,
        "written": blocks * side**2,
        "read": read_blocks * before**2,
        "pixels": side**2,
        "weights": blocks * reads,
        "channels": channels,
    }
    large = weights >= _LARGE
    layers, calls = np.zeros((len(side), COUNT)), np.zeros((len(recipes), COUNT))
    for place, term in enumerate(TERMS):
        if term.kind == CALL:
            beyond = np.maximum(np.add.reduceat(weights, starts) - _CACHED, 0.0) if len(recipes) else 0.0
            calls[:, place] = term.typical_s * (1.0 if term.figure == "operators" else beyond)
        else:
            chosen = kinds == KINDS.index(term.kind)
            if term.kind in (DEPTHWISE, POINTWISE):
                chosen &= large == term.large
            layers[chosen, place] = term.typical_s * figures[term.figure][chosen]
    sizes = np.log2(np.column_stack([channels, read, side]))
    return LayerCosts(starts, np.repeat(np.arange(len(recipes)), counts), kinds, sizes, layers, calls)


def _whole_blocks(channels: Floats) -> Floats:
    blocks: Floats = np.ceil(channels / _BLOCK) * _BLOCK
    return blocks
