"""Input of an ONNX file: the images that it takes, raw or already normalised."""

from pathlib import Path

from onnx import TensorProto

from space.data.images import ImageShape
from space.formats.format import ImageInput
from space.formats.onnx.cost import load


def image_input(path: Path) -> ImageInput:
    graph = load(path).graph
    weights = {tensor.name for tensor in graph.initializer}
    inputs = [value.type.tensor_type for value in graph.input if value.name not in weights]
    if len(inputs) != 1:
        return ImageInput(None, raw=True)
    (image,) = inputs
    sizes = [dimension.dim_value for dimension in image.shape.dim]
    fits = len(sizes) == 4 and sizes[1] in (1, 3) and sizes[2] == sizes[3] > 0
    return ImageInput(ImageShape(sizes[1], sizes[2]) if fits else None, raw=image.elem_type != TensorProto.FLOAT)
