"""Logits that a file answers images with, whatever its format and numbers."""

from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from space.formats.onnx.export import logits as onnx_logits


def logits_of(path: Path, pixels: NDArray[np.uint8]) -> NDArray[np.floating]:
    return onnx_logits(path, pixels) if path.suffix == ".onnx" else tflite_logits(path, pixels)


def tflite_logits(path: Path, pixels: NDArray[np.uint8]) -> NDArray[np.floating]:
    """The logits of a file; those of an int8 file are levels, times their scale."""
    interpreter = Interpreter(model_path=str(path), num_threads=1)
    interpreter.allocate_tensors()
    image, answer = interpreter.get_input_details()[0], interpreter.get_output_details()[0]
    whole = image["dtype"] == np.int8
    scale, zero = answer["quantization"] if whole else (1.0, 0)
    answers = []
    for place in np.ascontiguousarray(pixels.transpose(0, 2, 3, 1)):
        numbers = (place ^ 128).view(np.int8) if whole else place.astype(np.float32)
        interpreter.set_tensor(image["index"], numbers[np.newaxis])
        interpreter.invoke()
        answers.append(scale * (interpreter.get_tensor(answer["index"])[0].astype(np.float64) - zero))
    return np.array(answers)
