"""Features: what accuracy depends on of a network's shape and settings, as numbers of which a step of 1 is noticeable.

Networks are told apart by what they are, not by the values that name them: a dozen features replace the twenty-odd
dimensions of a table, and mean the same for every architecture.
"""

import math
from functools import lru_cache

from space.formats.quantizations import QUANTIZATIONS
from space.networks.choose import layers_of, work_of
from space.recipe import Recipe

# Features count from a small network, so that none of them is far from 0 for those that matter: MACs, weights, values
# and channels as logarithms to base 2, and so many convolutions and linear layers.
_MACS, _WEIGHTS, _VALUES = math.log2(0.5e6), math.log2(8e3), math.log2(25e3)
_CHANNELS, _NARROWEST, _STEM, _LAST, _SIDE = math.log2(48), math.log2(16), math.log2(16), math.log2(96), 2.0
_LAYERS = 10
# Names of the features, in their order: of the shape, then of the settings. A step of layers is two separable blocks
# more; a network whose fixed ranges are rounded is two steps from one in fp32.
SHAPE = (
    "layers",
    "MACs",
    "weights",
    "values",
    "mean width",
    "narrowest width",
    "first width",
    "last width",
    "last side",
    "depthwise ReLU",
)
SETTINGS = ("fixed ranges", "other integers", "threads", "spinning")
NAMES = (*SHAPE, *SETTINGS)


@lru_cache(maxsize=20_000)
def features(recipe: Recipe) -> tuple[float, ...]:
    layers, work = layers_of(recipe), work_of(recipe)
    quantization = QUANTIZATIONS[recipe.quantization]
    # A depthwise layer has the channels of what comes before it; the first one may read an image of one channel.
    widths = [
        math.log2(layer.channels)
        for place, layer in enumerate(layers[:-1])
        if place == 0 or layer.reads > 1 or layer.kernel == 1
    ]
    return (
        (len(layers) - _LAYERS) / 4,
        math.log2(work.macs) - _MACS,
        math.log2(work.weights) - _WEIGHTS,
        math.log2(work.values) - _VALUES,
        (sum(widths) / len(widths) if widths else _CHANNELS) - _CHANNELS,
        (min(widths) if widths else _NARROWEST) - _NARROWEST,
        math.log2(layers[0].channels) - _STEM,
        math.log2(layers[-2].channels) - _LAST,
        math.log2(layers[-2].side) - _SIDE,
        2.0 * recipe.depthwise_relu - 1.0,
        2.0 * quantization.fixed_ranges,
        2.0 * (bool(quantization.integers) and not quantization.fixed_ranges),
        recipe.threads - 1.0,
        float(recipe.spinning),
    )
