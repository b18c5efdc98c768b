"""Graph: an fp32 ONNX file as its layers see it: which weights they have, who reads what they hand on."""

from collections.abc import Mapping
from functools import cached_property

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import numpy_helper

Array = NDArray[np.float64]


class Graph:
    """A copy of its own, whose weights can be replaced."""

    def __init__(self, proto: onnx.ModelProto) -> None:
        self.proto = onnx.ModelProto()
        self.proto.CopyFrom(proto)
        self._tensors = {tensor.name: tensor for tensor in self.proto.graph.initializer}

    @property
    def nodes(self) -> list[onnx.NodeProto]:
        return list(self.proto.graph.node)

    def of_kind(self, *kinds: str) -> list[onnx.NodeProto]:
        return [node for node in self.proto.graph.node if node.op_type in kinds]

    def has(self, name: str) -> bool:
        """Whether this is a weight."""
        return name in self._tensors

    def weight(self, name: str) -> Array:
        return numpy_helper.to_array(self._tensors[name]).astype(np.float64)

    def replace(self, weights: Mapping[str, Array]) -> None:
        for name, values in weights.items():
            self._tensors[name].CopyFrom(numpy_helper.from_array(values.astype(np.float32), name))

    @cached_property
    def _readers(self) -> dict[str, list[onnx.NodeProto]]:
        readers: dict[str, list[onnx.NodeProto]] = {output.name: [] for output in self.proto.graph.output}
        for node in self.proto.graph.node:
            for name in node.input:
                readers.setdefault(name, []).append(node)
        return readers

    def only_reader(self, value: str) -> onnx.NodeProto | None:
        """None where several read the value, or where it is the network's answer."""
        readers = self._readers.get(value, [])
        outputs = {output.name for output in self.proto.graph.output}
        return readers[0] if len(readers) == 1 and value not in outputs else None


def attribute(node: onnx.NodeProto, name: str, default: int) -> int:
    return next((attribute.i for attribute in node.attribute if attribute.name == name), default)
