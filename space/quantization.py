"""ONNX file -> uint8 or int8 ONNX file, calibrated on training images only."""

import logging
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import onnx
from numpy.typing import NDArray

from space.errors import CandidateError
from space.onnx_export import INPUT, save
from space.recipe import Recipe

# Images per calibration step.
_BATCH = 64


def quantize(path: Path, recipe: Recipe, calibration: NDArray[np.uint8], metadata: Mapping[str, str]) -> None:
    """Replaces the fp32 file by the quantized one."""
    writer = _WRITERS[recipe.quantization]
    if writer is None:
        return
    with TemporaryDirectory() as folder:
        source, target = Path(folder, "fp32.onnx"), Path(folder, "quantized.onnx")
        proto = onnx.load(path)
        # What ONNX Runtime's own preparation would leave behind: BatchNorm folded, shapes inferred.
        proto.metadata_props.add(key="onnx.quant.pre_process", value="onnxruntime.quant")
        onnx.save(proto, source)
        try:
            writer(source, target, recipe, calibration)
        except (ValueError, RuntimeError) as error:
            raise CandidateError(f"{recipe.quantization} quantization failed: {error}") from error
        quantized = onnx.load(target)
    save(quantized, path, metadata)


def _dynamic_uint8(source: Path, target: Path, recipe: Recipe, calibration: NDArray[np.uint8]) -> None:
    """uint8 weights: ONNX Runtime has no ConvInteger for int8 ones (onnxruntime #15888)."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    quantize_dynamic(source, target, weight_type=QuantType.QUInt8)


def _static_int8(source: Path, target: Path, recipe: Recipe, calibration: NDArray[np.uint8]) -> None:
    """QDQ, per channel, signed activations and weights: the kernels that ARM cores are fast with."""
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    methods = {
        "minmax": CalibrationMethod.MinMax,
        "entropy": CalibrationMethod.Entropy,
        "percentile": CalibrationMethod.Percentile,
    }
    quantize_static(
        source,
        target,
        _reader(calibration[: recipe.calibration_images]),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["Conv", "Gemm", "GlobalAveragePool", "Flatten", "Relu"],
        per_channel=True,
        activation_type=QuantType.QInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=methods[recipe.calibration],
    )


def _reader(pixels: NDArray[np.uint8]) -> "object":
    from onnxruntime.quantization import CalibrationDataReader

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self.batches: Iterator[NDArray[np.uint8]] = (
                pixels[start : start + _BATCH] for start in range(0, len(pixels), _BATCH)
            )

        def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
            batch = next(self.batches, None)
            return None if batch is None else {INPUT: batch}

    return Reader()


_WRITERS: dict[str, Callable[[Path, Path, Recipe, NDArray[np.uint8]], None] | None] = {
    "none": None,
    "dynamic_uint8": _dynamic_uint8,
    "static_int8": _static_int8,
}

# ONNX Runtime reports each of its steps at this level.
logging.getLogger("onnxruntime").setLevel(logging.ERROR)
