"""ONNX file -> uint8 or int8 ONNX file, calibrated on training images only."""

import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray

from space.errors import CandidateError
from space.formats.onnx.calibration import largest_per_channel, ranges
from space.formats.onnx.equalization import equalized, pairs
from space.formats.onnx.export import save
from space.formats.onnx.graph import Graph
from space.formats.onnx.static_int8 import handed_on, integer_values, with_one_zero, written
from space.recipe import Recipe

Pixels = NDArray[np.uint8]
# Training images that tell the ranges of activations: the first ones, in eight batches of calibration.
_CALIBRATION_IMAGES = 256
# Training images that tell how wide channels are beside each other.
_EQUALIZATION_IMAGES = 64


def quantize(path: Path, recipe: Recipe, calibration: Pixels, metadata: Mapping[str, str]) -> None:
    """Replaces the fp32 file by the quantized one."""
    writer = _WRITERS[recipe.quantization]
    if writer is None:
        return
    try:
        quantized = writer(onnx.load(path), recipe, calibration[:_CALIBRATION_IMAGES])
    except (ValueError, RuntimeError) as error:
        raise CandidateError(f"{recipe.quantization} quantization failed: {error}") from error
    save(quantized, path, metadata)


def _dynamic_uint8(proto: onnx.ModelProto, recipe: Recipe, calibration: Pixels) -> onnx.ModelProto:
    """uint8 weights: ONNX Runtime has no ConvInteger for int8 ones (onnxruntime #15888)."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    # What ONNX Runtime's own preparation would leave behind: BatchNorm folded, shapes inferred.
    proto.metadata_props.add(key="onnx.quant.pre_process", value="onnxruntime.quant")
    with TemporaryDirectory() as folder:
        source, target = Path(folder, "fp32.onnx"), Path(folder, "quantized.onnx")
        onnx.save(proto, source)
        quantize_dynamic(source, target, weight_type=QuantType.QUInt8)
        return onnx.load(target)


def _static_int8(proto: onnx.ModelProto, recipe: Recipe, calibration: Pixels) -> onnx.ModelProto:
    graph = Graph(proto)
    if recipe.equalized:
        read = [pair.value for pair in pairs(graph)]
        graph = equalized(graph, largest_per_channel(graph.proto, read, calibration[:_EQUALIZATION_IMAGES]))
    given = {}
    if (centred := with_one_zero(graph)) is not None:
        graph, value, levels = centred
        given[value] = levels
    measured = [name for name in integer_values(graph) if name not in given]
    return written(graph, handed_on(graph, ranges(graph.proto, measured, calibration) | given))


_WRITERS: dict[str, Callable[[onnx.ModelProto, Recipe, Pixels], onnx.ModelProto] | None] = {
    "none": None,
    "dynamic_uint8": _dynamic_uint8,
    "static_int8": _static_int8,
}

# ONNX Runtime reports each of its steps at this level.
logging.getLogger("onnxruntime").setLevel(logging.ERROR)
