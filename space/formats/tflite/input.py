"""Input: what a TensorFlow Lite file takes."""

from pathlib import Path

from ai_edge_litert import schema_py_generated as schema

from space.data.images import ImageShape
from space.formats.format import ImageInput
from space.formats.tflite.export import RAW
from space.formats.tflite.metadata import metadata
from space.formats.tflite.reading import graph_of


def image_input(path: Path) -> ImageInput:
    """Channels last, or first as files are that were made from torch's order of axes."""
    with graph_of(path) as graph:
        if len(graph.inputs) != 1:
            return ImageInput(None, raw=True)
        (image,) = graph.inputs
        # As float32 too, where the normalisation is part of the network.
        raw = graph.tensors[image].Type() != schema.TensorType.FLOAT32 or RAW in metadata(path)
        sizes = graph.shape(image)
    if len(sizes) != 4:
        return ImageInput(None, raw)
    for channels, height, width in ((sizes[3], *sizes[1:3]), sizes[1:]):
        if channels in (1, 3) and height == width > 0:
            return ImageInput(ImageShape(channels, height), raw)
    return ImageInput(None, raw)
