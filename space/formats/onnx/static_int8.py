"""fp32 graph -> signed int8 graph: every value that a layer reads is quantized, so only integers pass between them.

Activations are asymmetric int8, weights symmetric int8 with a scale for each output channel: what the kernels of ARM
cores are fast with. A ReLU needs no node of its own, as its zero is the lowest level; nor does a ReLU6, as its six is
the highest one or above that.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper, numpy_helper

from space.formats.onnx.calibration import Range
from space.formats.onnx.export import INPUT
from space.formats.onnx.graph import Graph

# With weights: the kernel adds 32-bit biases and scales for each channel.
WEIGHTED = ("Conv", "Gemm")
# Layers whose values are some of those that they read: both have one scale.
_CHOOSING = ("MaxPool", "Flatten")
# Layers that ONNX Runtime has integer kernels for.
LAYERS = (*WEIGHTED, "GlobalAveragePool", "AveragePool", "Add", *_CHOOSING)
# What the levels of a value do by themselves where the lowest of them is 0.
_CLIPPING = ("Relu", "Clip")
# Levels of an activation, and the lowest of them.
_LEVELS, _LOWEST = 255, -128
# Levels of a weight to both sides of zero: -128 is not used.
_WEIGHT_LEVELS = 127
# Room for the sum beside a 32-bit bias.
_LARGEST_BIAS = 2**30


def integer_values(graph: Graph) -> tuple[str, ...]:
    """The values that are quantized."""
    read = (name for node in graph.of_kind(*LAYERS) for name in node.input if name and not graph.has(name))
    return tuple(dict.fromkeys(read))


def handed_on(graph: Graph, ranges: Mapping[str, Range]) -> dict[str, Range]:
    """The ranges, where a layer that only chooses among values has that of the values."""
    given = dict(ranges)
    for node in graph.of_kind(*_CHOOSING):
        if node.output[0] in given:
            given[node.output[0]] = given[node.input[0]]
    return given


def with_one_zero(graph: Graph) -> tuple[Graph, str, Range] | None:
    """Raw images need no arithmetic before the first layer: its bias takes what the channels' means differ by.

    An integer kernel has one zero for all channels. It pads with that, so the border alone is a few levels of grey
    off. Also: the name of the first layer's input, and its range, whose levels are those of the image. None where the
    images are not centred by the graph.
    """
    graph = Graph(graph.proto)
    cast = graph.only_reader(INPUT)
    centre = graph.only_reader(cast.output[0]) if cast is not None and cast.op_type == "Cast" else None
    first = graph.only_reader(centre.output[0]) if centre is not None and centre.op_type == "Sub" else None
    if cast is None or centre is None or first is None or first.op_type != "Conv" or len(first.input) < 3:
        return None
    means = graph.weight(centre.input[1]).ravel()
    zero = int(np.clip(np.rint(means.mean()), 0, 255))
    kernel, bias = (graph.weight(name) for name in first.input[1:])
    graph.replace({first.input[2]: bias + np.einsum("oihw,i->o", kernel, zero - means)})
    value = centre.output[0]
    constants = [
        numpy_helper.from_array(np.array(1, np.float32), "grey_scale"),
        numpy_helper.from_array(np.array(zero, np.uint8), "grey_zero"),
    ]
    head = helper.make_node("DequantizeLinear", [INPUT, "grey_scale", "grey_zero"], [value], name="centred_image")
    nodes = [head, *(node for node in graph.nodes if node.name not in (cast.name, centre.name))]
    del graph.proto.graph.node[:]
    graph.proto.graph.node.extend(nodes)
    graph.proto.graph.initializer.extend(constants)
    return Graph(graph.proto), value, (-float(zero), 255.0 - zero)


def written(graph: Graph, ranges: Mapping[str, Range]) -> onnx.ModelProto:
    """`ranges`: of every one of the graph's `integer_values`."""
    writer = _Writer(graph, ranges)
    for node in graph.nodes:
        writer.add(node)
    return writer.proto()


class _Writer:
    def __init__(self, graph: Graph, ranges: Mapping[str, Range]) -> None:
        self._graph = graph
        self._ranges = ranges
        self._nodes: list[onnx.NodeProto] = []
        self._tensors: list[onnx.TensorProto] = []
        self._scales: dict[str, float] = {}
        self._without_node: set[str] = set()

    def add(self, node: onnx.NodeProto) -> None:
        if node.output[0] in self._without_node:
            return
        placed = onnx.NodeProto()
        placed.CopyFrom(node)
        if node.op_type in WEIGHTED:
            self._weights(node, placed)
        for position, name in enumerate(node.input):
            if name in self._scales and node.op_type in LAYERS:
                placed.input[position] = f"{name}_real"
        clipping = self._graph.only_reader(node.output[0])
        if (
            clipping is not None
            and clipping.op_type in _CLIPPING
            and node.op_type in LAYERS
            and self._begins_at_zero(clipping)
        ):
            self._without_node.add(clipping.output[0])
            placed.output[0] = clipping.output[0]
        self._nodes.append(placed)
        if (value := placed.output[0]) in self._ranges:
            self._quantize(value)

    def _begins_at_zero(self, clipping: onnx.NodeProto) -> bool:
        return self._ranges.get(clipping.output[0], (-1.0, 0.0))[0] == 0

    def _quantize(self, value: str) -> None:
        low, high = self._ranges[value]
        # A value that is always 0 needs a scale all the same.
        scale = self._scales[value] = float(np.float32((high - low) / _LEVELS or 1.0))
        zero = int(np.clip(np.rint(_LOWEST - low / scale), _LOWEST, -_LOWEST - 1))
        parameters = [
            self._store(f"{value}_scale", np.float32(scale)),
            self._store(f"{value}_zero", np.int8(zero)),
        ]
        self._link("QuantizeLinear", value, f"{value}_int8", parameters)
        self._link("DequantizeLinear", f"{value}_int8", f"{value}_real", parameters)

    def _weights(self, node: onnx.NodeProto, placed: onnx.NodeProto) -> None:
        """The bias is counted in steps of the sum: the input's scale times the weights'."""
        kernel = self._graph.weight(node.input[1])
        bias = self._graph.weight(node.input[2]) if len(node.input) > 2 else np.zeros(len(kernel))
        step = self._scales[node.input[0]]
        scales = np.abs(kernel).reshape(len(kernel), -1).max(axis=1) / _WEIGHT_LEVELS
        scales = np.maximum(scales, np.maximum(np.abs(bias) / (step * _LARGEST_BIAS), 1e-12)).astype(np.float32)
        shape = (-1, *[1] * (kernel.ndim - 1))
        levels = np.rint(kernel / scales.astype(np.float64).reshape(shape)).astype(np.int8)
        sums = (step * scales).astype(np.float32)
        biases = np.rint(bias / sums.astype(np.float64)).astype(np.int32)
        del placed.input[1:]
        placed.input.append(self._dequantized(f"{node.name}.weight", levels, scales))
        placed.input.append(self._dequantized(f"{node.name}.bias", biases, sums))

    def _dequantized(self, name: str, levels: NDArray[np.generic], scales: NDArray[np.float32]) -> str:
        parameters = [
            self._store(f"{name}_scale", scales),
            self._store(f"{name}_zero", np.zeros(len(scales), levels.dtype)),
        ]
        self._link("DequantizeLinear", self._store(f"{name}_levels", levels), f"{name}_real", parameters, axis=0)
        return f"{name}_real"

    def _store(self, name: str, values: "NDArray[np.generic] | np.generic") -> str:
        self._tensors.append(numpy_helper.from_array(np.asarray(values), name))
        return name

    def _link(self, kind: str, value: str, to: str, parameters: list[str], **attributes: Any) -> None:
        self._nodes.append(helper.make_node(kind, [value, *parameters], [to], name=to, **attributes))

    def proto(self) -> onnx.ModelProto:
        proto = onnx.ModelProto()
        proto.CopyFrom(self._graph.proto)
        read = {name for node in self._nodes for name in node.input}
        kept = [tensor for tensor in proto.graph.initializer if tensor.name in read]
        for field in ("node", "initializer", "value_info"):
            proto.graph.ClearField(field)
        proto.graph.node.extend(self._nodes)
        proto.graph.initializer.extend([*self._tensors, *kept])
        return proto
