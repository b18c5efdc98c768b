"""An int8 file carried out in NumPy's integers: what its kernels should answer, and what saturating ones would."""

from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from onnx import helper, numpy_helper

from space.formats.onnx.cost import load


class Levels(NamedTuple):
    """What is dequantized, not yet multiplied."""

    levels: np.ndarray
    scale: np.ndarray
    zero: np.ndarray

    @property
    def real(self):
        return (self.levels - self.zero) * self.scale


def answers(path, pixels, *, saturating=False):
    graph = load(path).graph
    values = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer} | {"image": pixels}
    for node in graph.node:
        inputs = [values[name] for name in node.input]
        options = {entry.name: helper.get_attribute_value(entry) for entry in node.attribute}
        values[node.output[0]] = _KINDS[node.op_type](inputs, options, saturating)
    return values[graph.output[0].name]


def _quantize(inputs, _, __):
    value, scale, zero = inputs
    real = value.real if isinstance(value, Levels) else value
    limits = np.iinfo(zero.dtype)
    return np.clip(np.rint(real / np.float64(scale)) + zero, limits.min, limits.max).astype(np.int64)


def _dequantize(inputs, _, __):
    levels, scale, zero = inputs
    return Levels(levels.astype(np.int64), scale.astype(np.float64), zero.astype(np.int64))


def _conv(inputs, options, saturating):
    image, kernel, bias = inputs
    stride, pad, group = options["strides"][0], options["pads"][0], options["group"]
    padded = np.pad(image.levels, [(0, 0), (0, 0), (pad, pad), (pad, pad)], constant_values=int(image.zero))
    windows = sliding_window_view(padded, kernel.levels.shape[2:], axis=(2, 3))[:, :, ::stride, ::stride]
    batch, channels, height, width = windows.shape[:4]
    rows = windows.reshape(batch, group, channels // group, height, width, -1).transpose(0, 3, 4, 1, 2, 5)
    rows = rows.reshape(batch, height, width, group, -1)
    weights = kernel.levels.reshape(group, len(kernel.levels) // group, -1)
    # A depthwise kernel sums in 32 bits everywhere.
    sums = _sums(rows, weights, image.zero, saturating and group == 1)
    sums = sums.reshape(batch, height, width, -1) + bias.levels
    return (sums * (image.scale * kernel.scale)).transpose(0, 3, 1, 2)


def _sums(rows, weights, zero, saturating):
    if not saturating:
        return np.einsum("bhwgk,gok->bhwgo", rows - zero, weights)
    unsigned = rows + 128
    if unsigned.shape[-1] % 2:
        unsigned, weights = (np.pad(side, [(0, 0)] * (side.ndim - 1) + [(0, 1)]) for side in (unsigned, weights))
    even = unsigned[..., None, 0::2] * weights[..., 0::2]
    odd = unsigned[..., None, 1::2] * weights[..., 1::2]
    pairs = np.clip(even + odd, -(2**15), 2**15 - 1)
    return pairs.sum(-1) - (zero + 128) * weights.sum(-1)


def _pool(inputs, _, __):
    return inputs[0].real.mean(axis=(2, 3), keepdims=True)


def _flatten(inputs, _, __):
    return inputs[0].real.reshape(len(inputs[0].levels), -1)


def _gemm(inputs, _, __):
    values, weights, bias = inputs
    sums = (values.levels - values.zero) @ weights.levels.T + bias.levels
    return sums * (values.scale * weights.scale)


_KINDS = {
    "QuantizeLinear": _quantize,
    "DequantizeLinear": _dequantize,
    "Conv": _conv,
    "GlobalAveragePool": _pool,
    "Flatten": _flatten,
    "Gemm": _gemm,
}
