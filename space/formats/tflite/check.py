"""Check: whether a file answers as the network does that it was made of."""

from pathlib import Path

import numpy as np
import torch
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from space.data.augmentation import normalise
from space.errors import CandidateError
from space.formats.format import Original
from space.formats.tflite.quiet import quietly

# Images whose outputs are compared.
_CHECKED = 32
# Largest difference from the torch outputs, in units of the largest output where that is above one.
TOLERANCE = 1e-4


def check(original: Original, path: Path) -> None:
    pixels = original.pixels[:_CHECKED]
    with torch.inference_mode():
        expected = original.network(normalise(torch.from_numpy(pixels), original.mean, original.std)).numpy()
    difference = float(np.abs(logits(path, pixels) - expected).max() / max(1.0, np.abs(expected).max()))
    if not difference <= TOLERANCE:
        raise CandidateError(f"{path.name} differs from the network by {difference:.2g}, more than {TOLERANCE:g}")


def logits(path: Path, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What an fp32 file answers, on this machine's CPU."""
    with quietly():
        interpreter = Interpreter(model_path=str(path), num_threads=1)
        interpreter.allocate_tensors()
    read, written = (
        details[0]["index"] for details in (interpreter.get_input_details(), interpreter.get_output_details())
    )
    answers = []
    for image in pixels.transpose(0, 2, 3, 1).astype(np.float32):
        interpreter.set_tensor(read, image[np.newaxis])
        interpreter.invoke()
        answers.append(interpreter.get_tensor(written))
    return np.concatenate(answers)
