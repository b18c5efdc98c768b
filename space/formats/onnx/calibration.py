"""Calibration: the range of every activation, from what training images make of the fp32 network."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper

from space.formats.onnx.export import INPUT

# Images run at a time.
_BATCH = 32

Range = tuple[float, float]


def ranges(proto: onnx.ModelProto, names: Sequence[str], pixels: NDArray[np.uint8]) -> dict[str, Range]:
    """The least and the largest value of each activation, by name; 0, which padding and ReLU need exactly, lies between
    them."""
    widest: dict[str, Range] = dict.fromkeys(names, (0.0, 0.0))
    for name, values in _observed(proto, names, pixels):
        low, high = widest[name]
        widest[name] = min(low, float(values.min())), max(high, float(values.max()))
    return widest


def largest_per_channel(
    proto: onnx.ModelProto, names: Sequence[str], pixels: NDArray[np.uint8]
) -> Mapping[str, NDArray[np.float64]]:
    """The largest magnitude in each channel of each activation."""
    largest: dict[str, NDArray[np.float64]] = {}
    for name, values in _observed(proto, names, pixels):
        across = (0, *range(2, values.ndim))
        seen = np.maximum(values.max(axis=across), -values.min(axis=across)).astype(np.float64)
        largest[name] = np.maximum(largest.get(name, 0.0), seen)
    return largest


def _observed(
    proto: onnx.ModelProto, names: Sequence[str], pixels: NDArray[np.uint8]
) -> Iterator[tuple[str, NDArray[np.float32]]]:
    """Each activation of each batch."""
    if not names:
        return
    shown = onnx.ModelProto()
    shown.CopyFrom(proto)
    del shown.graph.output[:]
    shown.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(shown.SerializeToString(), options, providers=["CPUExecutionProvider"])
    for start in range(0, len(pixels), _BATCH):
        yield from zip(names, session.run(None, {INPUT: pixels[start : start + _BATCH]}), strict=True)
