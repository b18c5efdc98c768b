"""Equalization across layers (Nagel et al. 2019): channels scaled so that their ranges meet; no output changes.

What a layer hands on is quantized with one scale for all channels, and a channel whose range is small gets few of its
levels. A channel can be made wider by what the next layer's weights are made smaller: between them lies at most a
ReLU, and relu(s x) = s relu(x) where s is positive. As weights have a scale per output channel here, the ranges that
meet are those of the values, not of the weights that made them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np
from torch import nn

from space.formats.folded import Array, Folded, Weights
from space.networks.steps import Step

# What a channel is counted as at least, as a share of the largest: one that hardly lives is not blown up.
_LEAST = 1e-3
# Layers through which s (x) is s times x.
_HOMOGENEOUS = (nn.ReLU, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.Flatten)


@dataclass(frozen=True)
class Pair:
    """Two layers of which the second alone reads what the first hands on."""

    first: Step
    second: Step
    # The step whose result the second reads.
    value: str
    # Whether the second keeps the channels apart.
    depthwise: bool


def pairs(network: Folded) -> Iterator[Pair]:
    for first in network.weighted:
        if not isinstance(first.layer, nn.Conv2d):
            continue
        value = first.name
        following = network.only_reader(value)
        while following is not None and isinstance(following.layer, _HOMOGENEOUS):
            value = following.name
            following = network.only_reader(value)
        if following is None or following.name not in network.weights:
            continue
        groups = following.layer.groups if isinstance(following.layer, nn.Conv2d) else 1
        outputs, columns = network.weights[following.name].weight.shape[:2]
        # A flattened map has many columns for each channel; as a map it is read by none.
        if groups == outputs > 1 or (groups == 1 and columns == len(network.weights[first.name].weight)):
            yield Pair(first, following, value, depthwise=groups == outputs > 1)


def equalized(network: Folded, largest: Mapping[str, Array]) -> Folded:
    """`largest`: magnitude in each channel of every value that a pair's second layer reads, from training images.

    A depthwise layer has a scale for each channel of its own, so all its channels can be made equally wide. Any other
    layer mixes them under one scale: what is gained in levels of the values is lost in levels of its weights, and the
    geometric mean is the best of both.
    """
    weights = dict(network.weights)
    for pair in pairs(network):
        first, second = weights[pair.first.name], weights[pair.second.name]
        width = _relative(largest[pair.value])
        reading = np.abs(second.weight)
        factor = width if pair.depthwise else np.sqrt(width / _relative(reading.max(axis=_all_but(1, reading))))
        weights[pair.first.name] = Weights(first.weight / _along(factor, 0, first.weight), first.bias / factor)
        weights[pair.second.name] = replace(
            second, weight=second.weight * _along(factor, 0 if pair.depthwise else 1, second.weight)
        )
    return replace(network, weights=weights)


def _relative(magnitudes: Array) -> Array:
    most = magnitudes.max()
    return np.maximum(magnitudes / most, _LEAST) if most > 0 else np.ones_like(magnitudes)


def _all_but(axis: int, values: Array) -> tuple[int, ...]:
    return tuple(other for other in range(values.ndim) if other != axis)


def _along(factor: Array, axis: int, values: Array) -> Array:
    return np.expand_dims(factor, _all_but(axis, values))
