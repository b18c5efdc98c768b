"""Operators: the nodes of an ONNX graph as they are written, and what ONNX calls each layer."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from space.formats.folded import Folded
from space.networks.steps import Add, Step

# ONNX Runtime 1.16, the oldest found on course boards, reads operator set 17 and file format 8.
OPSET = 17
IR_VERSION = 8
INPUT, OUTPUT = "image", "logits"
# What the values before the first layer, and their weights, are called.
_TAKEN = {INPUT, OUTPUT, "pixels", "centred", "centred_image", "mean", "scaled", "scale", "grey_scale", "grey_zero"}
_KINDS: Mapping[type[nn.Module], str] = {
    nn.Conv2d: "Conv",
    nn.Linear: "Gemm",
    nn.MaxPool2d: "MaxPool",
    nn.AvgPool2d: "AveragePool",
    nn.AdaptiveAvgPool2d: "GlobalAveragePool",
    nn.Flatten: "Flatten",
    Add: "Add",
    nn.ReLU: "Relu",
    nn.ReLU6: "Clip",
}


@dataclass
class Nodes:
    """The nodes so far, and the tensors that they read."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    tensors: list[onnx.TensorProto] = field(default_factory=list)

    def store(self, name: str, values: "NDArray[np.generic] | np.generic") -> str:
        self.tensors.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def real(self, name: str, values: NDArray[np.float64] | float) -> str:
        return self.store(name, np.asarray(values, dtype=np.float32))

    def add(self, kind: str, name: str, *inputs: str, result: str = "", **attributes: Any) -> str:
        """The name of its result: its own, where no other is given."""
        result = result or name
        self.nodes.append(helper.make_node(kind, list(inputs), [result], name=name, **attributes))
        return result

    def layer(self, network: Folded, step: Step, reads: list[str], result: str) -> str:
        """`reads`: with the weights, where it has some."""
        name = called(step.name)
        if isinstance(step.layer, nn.ReLU6):
            reads = [*reads, self.real(f"{name}.least", 0.0), self.real(f"{name}.most", 6.0)]
        return self.add(_KINDS[type(step.layer)], name, *reads, result=result, **_attributes(network, step))

    def proto(self, network: Folded) -> onnx.ModelProto:
        image: list[str | int | None] = ["batch", network.image.channels, network.image.side, network.image.side]
        graph = helper.make_graph(
            self.nodes,
            "network",
            [helper.make_tensor_value_info(INPUT, TensorProto.UINT8, image)],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch", network.classes])],
            self.tensors,
        )
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def called(name: str) -> str:
    """A layer whose name is taken gets another one in the file."""
    return f"{name}_layer" if name in _TAKEN else name


def _attributes(network: Folded, step: Step) -> dict[str, Any]:
    layer, attributes = step.layer, dict[str, Any]()
    if (window := network.windows.get(step.name)) is not None:
        attributes |= {"kernel_shape": window.kernel, "strides": window.strides, "pads": window.pads}
    if isinstance(layer, nn.Conv2d):
        attributes["group"] = layer.groups
    elif isinstance(layer, nn.AvgPool2d):
        attributes["count_include_pad"] = int(layer.count_include_pad)
    elif isinstance(layer, nn.Linear):
        attributes["transB"] = 1
    return attributes
