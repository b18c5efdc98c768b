"""Exactness: whether this machine's integer kernels answer as the arithmetic that the file spells out.

On x86 without VNNI two products of 8 bits are summed in 16, which saturates (ONNX Runtime's documentation names it
under `reduce_range`): then accuracy is lost here that no ARM core loses.
"""

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from space.formats.onnx.operators import INPUT

# Share of the answers that may differ: rounding tips a few between classes that are nearly level.
TOLERATED = 0.05


def inexact(path: Path, pixels: NDArray[np.uint8]) -> str | None:
    """A warning, where too many answers differ; None where they agree.

    Without optimization ONNX Runtime computes a QDQ file as it stands, in fp32 between the roundings.
    """
    levels = onnxruntime.GraphOptimizationLevel
    fused = answers(path, pixels, levels.ORT_ENABLE_ALL)
    spelled_out = answers(path, pixels, levels.ORT_DISABLE_ALL)
    differing = int((fused != spelled_out).sum())
    if differing <= TOLERATED * len(pixels):
        return None
    return (
        f"{path.name}: this machine's int8 kernels answer {differing} of {len(pixels)} images otherwise than exact "
        "arithmetic does, as x86 processors without VNNI do by saturating; its accuracy here is not that of an ARM "
        "board: trust an accuracy worked out on the board, or hold --fix quantization=none"
    )


def answers(path: Path, pixels: NDArray[np.uint8], level: object) -> NDArray[np.int64]:
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = level
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    classes: NDArray[np.int64] = session.run(None, {INPUT: pixels})[0].argmax(axis=1)
    return classes
