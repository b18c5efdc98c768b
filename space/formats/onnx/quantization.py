"""ONNX file -> uint8 or int8 ONNX file, calibrated on training images only."""

import logging
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import onnx

from space.errors import CandidateError
from space.formats.folded import folded
from space.formats.format import Original
from space.formats.integers import integers
from space.formats.onnx.export import save
from space.formats.onnx.static_int8 import written
from space.recipe import Recipe


def quantize(original: Original, recipe: Recipe, path: Path) -> None:
    """Replaces the fp32 file by the quantized one."""
    writer = _WRITERS[recipe.quantization]
    if writer is None:
        return
    try:
        quantized = writer(original, recipe, path)
    except (ValueError, RuntimeError) as error:
        raise CandidateError(f"{recipe.quantization} quantization failed: {error}") from error
    save(quantized, path, original.metadata)


def _dynamic_uint8(original: Original, recipe: Recipe, path: Path) -> onnx.ModelProto:
    """uint8 weights: ONNX Runtime has no ConvInteger for int8 ones (onnxruntime #15888)."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    proto = onnx.load(path)
    # What ONNX Runtime's own preparation would leave behind: BatchNorm folded, shapes inferred.
    proto.metadata_props.add(key="onnx.quant.pre_process", value="onnxruntime.quant")
    with TemporaryDirectory() as folder:
        source, target = Path(folder, "fp32.onnx"), Path(folder, "quantized.onnx")
        onnx.save(proto, source)
        quantize_dynamic(source, target, weight_type=QuantType.QUInt8)
        return onnx.load(target)


def _static_int8(original: Original, recipe: Recipe, path: Path) -> onnx.ModelProto:
    network = folded(original.network, original.mean, original.std)
    return written(integers(network, original.pixels, equalize=recipe.equalized))


_WRITERS: dict[str, Callable[[Original, Recipe, Path], onnx.ModelProto] | None] = {
    "none": None,
    "dynamic_uint8": _dynamic_uint8,
    "static_int8": _static_int8,
}

# ONNX Runtime reports each of its steps at this level.
logging.getLogger("onnxruntime").setLevel(logging.ERROR)
