"""Input: what a TensorFlow Lite file takes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from space.data.images import ImageShape
from space.errors import RequestError
from space.formats.format import ImageInput
from space.formats.tflite.metadata import RAW, metadata
from space.formats.tflite.reading import graph_of

_KINDS = schema.TensorType
# How an image's bytes become the numbers that a file takes.
_NUMBERS = {
    _KINDS.FLOAT32: "as floating-point numbers from 0 to 255",
    _KINDS.INT8: "less 128",
    _KINDS.UINT8: "as they are",
}
_LIMITS = {_KINDS.INT8: (-128, 127), _KINDS.UINT8: (0, 255)}
_KIND_NAMES = {number: name.lower() for name, number in vars(_KINDS).items() if not name.startswith("_")}
_CHANNELS = (1, 3)
# What a file says of a size that it leaves to whoever runs it.
_OPEN = -1


def image_input(path: Path) -> ImageInput:
    """RequestError where it takes no image, or takes one in a way that no image is given in."""
    with graph_of(path) as graph:
        if len(graph.inputs) != 1:
            raise RequestError(f"{path} has {len(graph.inputs)} inputs; one is expected, the image")
        (image,) = graph.inputs
        tensor, sizes = graph.tensors[image], graph.signature(image)
        kind = tensor.Type()
        span = _span(tensor, kind)
    if kind not in _NUMBERS:
        valid = ", ".join(_KIND_NAMES[known] for known in _NUMBERS)
        raise RequestError(f"{path} takes {_KIND_NAMES.get(kind, f'numbers of kind {kind}')}; valid is {valid}")
    shape = _image_shape(path, sizes)
    # A file of ours takes raw images as float32 too, where the normalisation is part of the network.
    raw = kind != _KINDS.FLOAT32 or RAW in metadata(path)
    return ImageInput(shape, raw, _NUMBERS[kind], span)


def _image_shape(path: Path, sizes: Sequence[int]) -> ImageShape | None:
    """The shape with channels last, or first as in files that were made from torch's order of axes."""
    if len(sizes) == 4 and sizes[0] in (1, _OPEN):
        for channels, height, width in ((sizes[3], *sizes[1:3]), sizes[1:]):
            if channels in _CHANNELS and height == width != 0:
                return None if height == _OPEN else ImageShape(channels, height)
    raise RequestError(
        f"{path} takes no single image: its input is {list(sizes)}; a square image of 1 or 3 channels is expected, as "
        f"[1, side, side, channels] or [1, channels, side, side] (-1: any)"
    )


def _span(tensor: Any, kind: int) -> tuple[float, float] | None:
    levels = tensor.Quantization()
    if kind not in _LIMITS or levels is None or levels.ScaleLength() != 1 or levels.ZeroPointLength() != 1:
        return None
    scale, zero = float(levels.Scale(0)), int(levels.ZeroPoint(0))
    low, high = (scale * (number - zero) for number in _LIMITS[kind])
    return (low, high) if scale > 0 and np.isfinite([low, high]).all() else None
