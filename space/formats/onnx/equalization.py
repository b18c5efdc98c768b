"""Equalization across layers (Nagel et al. 2019): channels scaled so that their ranges meet; no output changes.

What a layer hands on is quantized with one scale for all channels, and a channel whose range is small gets few of its
levels. A channel can be made wider by what the next layer's weights are made smaller: between them lies at most a
ReLU, and relu(s x) = s relu(x) where s is positive. As weights have a scale per output channel here, the ranges that
meet are those of the values, not of the weights that made them.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import onnx

from space.formats.onnx.graph import Array, Graph, attribute

# What a channel is counted as at least, as a share of the largest: one that hardly lives is not blown up.
_LEAST = 1e-3
# Layers through which s (x) is s times x.
_HOMOGENEOUS = {"Relu", "MaxPool", "AveragePool", "GlobalAveragePool", "Flatten"}


@dataclass(frozen=True)
class Pair:
    """Two layers of which the second alone reads what the first hands on."""

    first: onnx.NodeProto
    second: onnx.NodeProto
    # What the second reads.
    value: str
    # Whether the second keeps the channels apart.
    depthwise: bool


def pairs(graph: Graph) -> Iterator[Pair]:
    for first in graph.of_kind("Conv"):
        value = first.output[0]
        following = graph.only_reader(value)
        while following is not None and following.op_type in _HOMOGENEOUS:
            value = following.output[0]
            following = graph.only_reader(value)
        if following is not None and following.op_type in ("Conv", "Gemm") and len(first.input) == 3:
            shape = graph.weight(following.input[1]).shape
            groups, outputs, columns = attribute(following, "group", 1), shape[0], shape[1]
            # A flattened map has many columns for each channel; as a map it is read by none.
            if groups == outputs > 1 or (groups == 1 and columns == len(graph.weight(first.input[1]))):
                yield Pair(first, following, value, depthwise=groups == outputs > 1)


def equalized(graph: Graph, largest: Mapping[str, Array]) -> Graph:
    """`largest`: magnitude in each channel of every value that a pair's second layer reads, from training images.

    A depthwise layer has a scale for each channel of its own, so all its channels can be made equally wide. Any other
    layer mixes them under one scale: what is gained in levels of the values is lost in levels of its weights, and the
    geometric mean is the best of both.
    """
    graph = Graph(graph.proto)
    for pair in pairs(graph):
        kernel, bias = (graph.weight(name) for name in pair.first.input[1:])
        reading = graph.weight(pair.second.input[1])
        width = _relative(largest[pair.value])
        factor = width if pair.depthwise else np.sqrt(width / _relative(np.abs(reading).max(axis=_all_but(1, reading))))
        graph.replace(
            {
                pair.first.input[1]: kernel / _along(factor, 0, kernel),
                pair.first.input[2]: bias / factor,
                pair.second.input[1]: reading * _along(factor, 0 if pair.depthwise else 1, reading),
            }
        )
    return graph


def _relative(magnitudes: Array) -> Array:
    most = magnitudes.max()
    return np.maximum(magnitudes / most, _LEAST) if most > 0 else np.ones_like(magnitudes)


def _all_but(axis: int, values: Array) -> tuple[int, ...]:
    return tuple(other for other in range(values.ndim) if other != axis)


def _along(factor: Array, axis: int, values: Array) -> Array:
    return np.expand_dims(factor, _all_but(axis, values))
