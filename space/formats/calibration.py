"""Calibration: the range of every activation, from what training images make of the fp32 network."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from space.formats.folded import Array, Folded, observed

Range = tuple[float, float]


def ranges(network: Folded, names: Sequence[str], pixels: NDArray[np.uint8]) -> dict[str, Range]:
    """The least and the largest of what each step hands on, by name; 0, which padding and ReLU need exactly, lies
    between them."""
    widest: dict[str, Range] = dict.fromkeys(names, (0.0, 0.0))
    for name, values in observed(network, pixels, names):
        low, high = widest[name]
        # On channels that lie side by side in memory `aminmax` takes five times as long as both of these.
        widest[name] = min(low, float(values.amin())), max(high, float(values.amax()))
    return widest


def largest_per_channel(network: Folded, names: Sequence[str], pixels: NDArray[np.uint8]) -> Mapping[str, Array]:
    """The largest magnitude in each channel of what each step hands on."""
    largest: dict[str, Array] = {}
    for name, values in observed(network, pixels, names):
        magnitudes = values.abs().amax(dim=(0, *range(2, values.dim()))).double().numpy()
        largest[name] = np.maximum(largest.get(name, 0.0), magnitudes)
    return largest
