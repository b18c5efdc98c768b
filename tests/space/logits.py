"""Logits of a file in fp32, whatever its format, by the format's own check."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from space.formats.onnx import export as onnx
from space.formats.tflite import check as tflite

_LOGITS = {".onnx": onnx.logits, ".tflite": tflite.logits}


def logits_of(file: Path, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    return _LOGITS[file.suffix](file, pixels)
