"""What the operators of a deployed file do, in torch: the table that `onnx_in_torch` looks a node up in.

What DequantizeLinear gives stays whole numbers and their scale until something needs the product. So a convolution
between DequantizeLinear and QuantizeLinear adds up whole numbers and is rounded once, as in the integer kernel that
ONNX Runtime makes of the three. Ranges of DynamicQuantizeLinear are those of each image alone: as on the device, where
one image is run at a time.

A number that is rounded to a level must not differ in its last bit. So sums of products are float64, which holds those
of whole numbers exactly in any order, with whatever algorithm a GPU's library takes (that of Winograd is not exact in
float32), and has no TF32; and nothing is divided by a number of Python's, which CUDA multiplies by its reciprocal.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from onnx import TensorProto
from torch import Tensor

from space.errors import CandidateError


class UnknownOperatorError(CandidateError):
    """The file holds what this module does not speak; ONNX Runtime does."""


@dataclass(frozen=True, slots=True)
class Scaled:
    """Whole numbers, held as floats, less their zero point; times the scale they are the values."""

    whole: Tensor
    scale: Tensor  # one number, or of the shape to multiply with
    # Whether it has 8 bits, as the integer kernels take them: a bias or a sum has not.
    narrow: bool

    def values(self) -> Tensor:
        return (self.whole * self.scale).float()


Value = Tensor | Scaled
# What becomes of a node's inputs; an optional one that is left out is None.
Function = Callable[..., Value | tuple[Value, ...]]


def dense(value: Value) -> Tensor:
    return value.values() if isinstance(value, Scaled) else value


# These go between whole numbers and values.

_RANGES = {torch.int8: (-128, 127), torch.uint8: (0, 255)}


def _quantize(x: Value, scale: Tensor, zero_point: Tensor | None = None, axis: int = 1) -> Tensor:
    zero_point = torch.zeros_like(scale, dtype=torch.uint8) if zero_point is None else zero_point
    if zero_point.dtype not in _RANGES:
        raise UnknownOperatorError(f"QuantizeLinear to {zero_point.dtype} is not known here")
    # The integer kernels make a float32 of a sum, and multiply it by one.
    numbers, unit = (x.whole.float(), x.scale) if isinstance(x, Scaled) else (x, None)
    step = _along(scale, axis, numbers)
    steps = numbers / step if unit is None else numbers * (unit / step)
    return (steps.round_() + _along(zero_point, axis, steps)).clamp_(*_RANGES[zero_point.dtype]).float()


def _dequantize(x: Tensor, scale: Tensor, zero_point: Tensor | None = None, axis: int = 1) -> Scaled:
    narrow = x.dtype != torch.int32
    whole = x.float() if narrow else _wide(x)
    if zero_point is not None:
        whole = whole - _along(zero_point, axis, whole)
    return Scaled(whole, _along(scale, axis, whole), narrow)


def _along(parameter: Tensor, axis: int, x: Tensor) -> Tensor:
    """The parameter as one number for all, or as one for each place along the axis."""
    if parameter.numel() == 1:
        return parameter.reshape(())
    shape = [1] * x.dim()
    shape[axis] = -1
    return parameter.reshape(shape)


def _dynamic_quantize(x: Value) -> tuple[Tensor, Tensor, Tensor]:
    """Each image gets a range of its own; zero is always within it."""
    x = dense(x)
    places = tuple(range(1, x.dim()))
    least, most = x.amin(places, keepdim=True).clamp(max=0), x.amax(places, keepdim=True).clamp(min=0)
    scale = _divided(most - least, 255)
    scale = torch.where(scale == 0, 1.0, scale)
    zero = (-least / scale).round().clamp(0, 255)
    return ((x / scale).round_() + zero).clamp_(0, 255), scale, zero


def _divided(x: Tensor, number: int) -> Tensor:
    return x / torch.full_like(x, number)


# These are sums of products.


def _conv(x: Value, weight: Value, bias: Value | None = None, **window: Any) -> Value:
    if not _integer_kernel(x, weight, bias):
        return _convolved(dense(x), dense(weight), None if bias is None else dense(bias), **window).float()
    assert isinstance(x, Scaled) and isinstance(weight, Scaled)  # noqa: PT018
    scale = weight.scale if weight.scale.dim() == 0 else weight.scale.reshape(1, -1, 1, 1)
    total = _convolved(x.whole, weight.whole, bias.whole if isinstance(bias, Scaled) else None, **window)
    return Scaled(total, x.scale * scale, narrow=False)


def _conv_integer(
    x: Tensor, weight: Tensor, x_zero: Tensor | None = None, weight_zero: Tensor | None = None, **window: Any
) -> Tensor:
    x = x.float() if x_zero is None else x.float() - x_zero
    weight = weight.float() if weight_zero is None else weight.float() - _along(weight_zero, 0, weight)
    return _convolved(x, weight, None, **window)


def _convolved(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    *,
    kernel_shape: Sequence[int] = (),
    strides: Sequence[int] = (1, 1),
    pads: Sequence[int] = (0, 0, 0, 0),
    dilations: Sequence[int] = (1, 1),
    group: int = 1,
) -> Tensor:
    top, left, bottom, right = pads
    if (top, left) != (bottom, right):
        x, top, left = F.pad(x, (left, right, top, bottom)), 0, 0
    bias = None if bias is None else _wide(bias)
    return F.conv2d(_wide(x), _wide(weight), bias, tuple(strides), (top, left), tuple(dilations), group)


def _gemm(x: Value, weight: Value, bias: Value | None = None, transB: int = 0) -> Value:
    if not _integer_kernel(x, weight, bias):
        product = _multiplied(dense(x), dense(weight).T if transB else dense(weight))
        return (product if bias is None else product + dense(bias)).float()
    assert isinstance(x, Scaled) and isinstance(weight, Scaled)  # noqa: PT018
    total = _multiplied(x.whole, weight.whole.T if transB else weight.whole)
    scale = weight.scale if weight.scale.dim() == 0 else weight.scale.reshape(1, -1)
    return Scaled(total + bias.whole if isinstance(bias, Scaled) else total, x.scale * scale, narrow=False)


def _matmul_integer(
    x: Tensor, weight: Tensor, x_zero: Tensor | None = None, weight_zero: Tensor | None = None
) -> Tensor:
    x = x.float() if x_zero is None else x.float() - x_zero
    weight = weight.float() if weight_zero is None else weight.float() - _along(weight_zero, 1, weight)
    return _multiplied(x, weight)


def _multiplied(x: Tensor, weight: Tensor) -> Tensor:
    return _wide(x) @ _wide(weight)


def _integer_kernel(x: Value, weight: Value, bias: Value | None) -> bool:
    """Whether ONNX Runtime makes one kernel of it: both of 8 bits, the bias, if any, of 32."""
    narrow = isinstance(x, Scaled) and isinstance(weight, Scaled) and x.narrow and weight.narrow
    return narrow and (bias is None or (isinstance(bias, Scaled) and not bias.narrow))


def _wide(x: Tensor) -> Tensor:
    """Apple's GPUs have no float64; a file that needs it is caught when its answers are compared."""
    return x.float() if x.device.type == "mps" else x.double()


# These are all other operators.


def _whole_or_dense(function: Callable[..., Tensor]) -> Function:
    """A function that moves or picks numbers without changing them: whole numbers stay whole."""

    def applied(x: Value, *others: Value, **attributes: Any) -> Value:
        if isinstance(x, Scaled) and x.scale.dim() == 0:
            return Scaled(function(x.whole, *others, **attributes), x.scale, x.narrow)
        return function(dense(x), *others, **attributes)

    return applied


def _dense_all(function: Callable[..., Tensor]) -> Function:
    def applied(*inputs: Value | None, **attributes: Any) -> Value:
        return function(*(None if value is None else dense(value) for value in inputs), **attributes)

    return applied


def _relu(x: Value) -> Value:
    return Scaled(x.whole.clamp(min=0), x.scale, x.narrow) if isinstance(x, Scaled) else x.clamp(min=0)


def _global_average(x: Value) -> Value:
    if isinstance(x, Scaled) and x.scale.dim() == 0:
        total = _wide(x.whole).sum((2, 3), keepdim=True)
        return Scaled(total, _divided(x.scale, x.whole[0, 0].numel()), narrow=False)
    return _wide(dense(x)).mean((2, 3), keepdim=True).float()


def _flatten(x: Tensor, axis: int = 1) -> Tensor:
    return x.flatten(axis) if axis == 1 else x.reshape(x.shape[:axis].numel(), -1)


def _reshape(x: Tensor, shape: Tensor) -> Tensor:
    return x.reshape([int(size) or x.shape[axis] for axis, size in enumerate(shape.tolist())])


def _transpose(x: Tensor, perm: Sequence[int] | None = None) -> Tensor:
    return x.permute(*(perm or range(x.dim() - 1, -1, -1)))


def _cast(x: Tensor, to: int) -> Tensor:
    if to not in _KINDS:
        raise UnknownOperatorError(f"Cast to {TensorProto.DataType.Name(to)} is not known here")
    return x.to(_KINDS[to])


_KINDS: dict[int, torch.dtype] = {TensorProto.FLOAT: torch.float32, TensorProto.DOUBLE: torch.float64}


def _clip(x: Tensor, least: Tensor | None = None, most: Tensor | None = None) -> Tensor:
    return x if least is None and most is None else x.clamp(least, most)


def _pad(x: Tensor, pads: Tensor, value: Tensor | None = None) -> Tensor:
    sides = [int(size) for size in pads.tolist()]
    both = [size for axis in reversed(range(x.dim())) for size in (sides[axis], sides[axis + x.dim()])]
    return F.pad(x, both, value=0.0 if value is None else float(value))


def _reduce_mean(x: Tensor, axes: Tensor | Sequence[int] | None = None, keepdims: int = 1) -> Tensor:
    chosen = range(x.dim()) if axes is None else axes.tolist() if isinstance(axes, Tensor) else axes
    return _wide(x).mean(tuple(chosen), keepdim=bool(keepdims)).float()


def _average_pool(
    x: Tensor,
    kernel_shape: Sequence[int],
    strides: Sequence[int] = (1, 1),
    pads: Sequence[int] = (0, 0, 0, 0),
    count_include_pad: int = 0,
) -> Tensor:
    if tuple(pads[:2]) != tuple(pads[2:]):
        raise UnknownOperatorError("AveragePool with pads of one side is not known here")
    return F.avg_pool2d(
        x, tuple(kernel_shape), tuple(strides), tuple(pads[:2]), count_include_pad=bool(count_include_pad)
    )


def _max_pool(
    x: Tensor, kernel_shape: Sequence[int], strides: Sequence[int] = (1, 1), pads: Sequence[int] = (0, 0, 0, 0)
) -> Tensor:
    if tuple(pads[:2]) != tuple(pads[2:]):
        raise UnknownOperatorError("MaxPool with pads of one side is not known here")
    return F.max_pool2d(x, tuple(kernel_shape), tuple(strides), tuple(pads[:2]))


_WINDOW = "kernel_shape strides pads dilations group"

# The function and the attributes that it knows.
OPERATORS: dict[str, tuple[Function, str]] = {
    "Add": (_dense_all(lambda x, y: x + y), ""),
    "AveragePool": (_dense_all(_average_pool), "kernel_shape strides pads count_include_pad"),
    "Cast": (_dense_all(_cast), "to"),
    "Clip": (_dense_all(_clip), ""),
    "Conv": (_conv, _WINDOW),
    "ConvInteger": (_conv_integer, _WINDOW),
    "DequantizeLinear": (_dequantize, "axis"),
    "Div": (_dense_all(lambda x, y: x / y), ""),
    "DynamicQuantizeLinear": (_dynamic_quantize, ""),
    "Flatten": (_whole_or_dense(_flatten), "axis"),
    "Gemm": (_gemm, "transB"),
    "GlobalAveragePool": (_global_average, ""),
    "Identity": (lambda x: x, ""),
    "MatMul": (_dense_all(lambda x, y: _multiplied(x, y).float()), ""),
    "MatMulInteger": (_matmul_integer, ""),
    "MaxPool": (_whole_or_dense(_max_pool), "kernel_shape strides pads"),
    "Mul": (_dense_all(lambda x, y: x * y), ""),
    "Pad": (_dense_all(_pad), ""),
    "QuantizeLinear": (_quantize, "axis"),
    "ReduceMean": (_dense_all(_reduce_mean), "axes keepdims"),
    "Relu": (_relu, ""),
    "Reshape": (_whole_or_dense(_reshape), ""),
    "Sub": (_dense_all(lambda x, y: x - y), ""),
    "Transpose": (_whole_or_dense(_transpose), "perm"),
}
