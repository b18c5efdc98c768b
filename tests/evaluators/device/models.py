"""Tiny classifiers as ONNX files, and images for them."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

CLASSES = 10
# A classifier of so many channels takes some 4 ms for an image, on a slow machine more: where a script has to take a
# meter's many readings, it does so by its work.
WIDE = 16_000


def write_images(path: Path, count: int = 64) -> Path:
    """Images of a colour each, so that they are not all of one class."""
    random = np.random.default_rng(0)
    colours = random.integers(0, 200, (count, 3, 1, 1))
    np.save(path, (colours + random.integers(0, 56, (count, 3, 32, 32))).astype(np.uint8))
    return path


def write_classifier(
    path: Path,
    *,
    shape: Sequence[int | str] = ("batch", 3, 32, 32),
    kind: int = TensorProto.UINT8,
    channels: int = 8,
    classes: int = CLASSES,
    structure_id: str = "",
    seed: int = 0,
) -> Path:
    """A convolution and a linear layer with random weights."""
    random = np.random.default_rng(seed)

    def weights(name: str, *size: int) -> onnx.TensorProto:
        values: NDArray[np.float32] = random.normal(size=size).astype(np.float32)
        return numpy_helper.from_array(values, name)

    nodes = [
        helper.make_node("Cast", ["image"], ["cast"], to=TensorProto.FLOAT),
        helper.make_node("Conv", ["cast", "stem"], ["conv"], strides=[2, 2], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["conv"], ["relu"]),
        helper.make_node("GlobalAveragePool", ["relu"], ["pool"]),
        helper.make_node("Flatten", ["pool"], ["flat"]),
        helper.make_node("Gemm", ["flat", "head"], ["scores"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "classifier",
        [helper.make_tensor_value_info("image", kind, shape)],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, [shape[0], classes])],
        [weights("stem", channels, 1 if shape[1] == 1 else 3, 3, 3), weights("head", classes, channels)],
    )
    return _save(path, graph, structure_id)


def write_failing(path: Path) -> Path:
    """Loads, then fails at every run: 32 x 32 images into rows of 7."""
    shape = numpy_helper.from_array(np.array([-1, 7], np.int64), "rows")
    graph = helper.make_graph(
        [
            helper.make_node("Cast", ["image"], ["cast"], to=TensorProto.FLOAT),
            helper.make_node("Reshape", ["cast", "rows"], ["scores"]),
        ],
        "failing",
        [helper.make_tensor_value_info("image", TensorProto.UINT8, ["batch", 3, 32, 32])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, None)],
        [shape],
    )
    return _save(path, graph, "")


def _save(path: Path, graph: onnx.GraphProto, structure_id: str) -> Path:
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    if structure_id:
        model.metadata_props.add(key="structure_id", value=structure_id)
    onnx.save(model, path)
    return path
