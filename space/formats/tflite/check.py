"""Check: whether a file answers as the network does that it was made of."""

from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from space.formats.agreement import CHECKED, difference_from
from space.formats.format import Original
from space.formats.tflite.quiet import quietly


def check(original: Original, path: Path) -> None:
    pixels = original.pixels[:CHECKED]
    difference_from(original.network, pixels, original.mean, original.std, path, logits(path, pixels))


def logits(path: Path, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What an fp32 file answers, on this machine's CPU."""
    with quietly():
        interpreter = Interpreter(model_path=str(path), num_threads=1)
        interpreter.allocate_tensors()
    input_index, output_index = (
        details[0]["index"] for details in (interpreter.get_input_details(), interpreter.get_output_details())
    )
    answers = []
    for image in pixels.transpose(0, 2, 3, 1).astype(np.float32):
        interpreter.set_tensor(input_index, image[np.newaxis])
        interpreter.invoke()
        answers.append(interpreter.get_tensor(output_index))
    return np.concatenate(answers)
