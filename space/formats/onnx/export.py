"""Model -> ONNX file that takes raw images; checked against the torch outputs; the recipe inside its metadata.

The graph is written directly rather than by torch.onnx: a network here is a chain of six kinds of layers, the
exporter takes 3 to 6 s for it and this 0.02 s, and what stands in the file decides the latency.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper, shape_inference
from torch import nn

from space.data.augmentation import normalise
from space.errors import CandidateError
from space.files import written_whole
from space.networks.folding import fold, layers

# ONNX Runtime 1.16, the oldest found on course boards, reads operator set 17 and file format 8.
OPSET = 17
IR_VERSION = 8
# Largest difference from the torch outputs, in units of the largest output where that is above one.
TOLERANCE = 1e-4
INPUT, OUTPUT = "image", "logits"


@dataclass
class _Graph:
    """The nodes so far; `last` is the value the next one reads."""

    last: str = INPUT
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)

    def store(self, name: str, values: torch.Tensor | NDArray[np.float64]) -> str:
        self.weights.append(numpy_helper.from_array(np.asarray(values, dtype=np.float32), name))
        return name

    def add(self, kind: str, name: str, *inputs: str, **attributes: Any) -> None:
        self.nodes.append(helper.make_node(kind, [self.last, *inputs], [name], name=name, **attributes))
        self.last = name


def export(
    model: nn.Module, path: Path, *, mean: Sequence[float], std: Sequence[float], metadata: Mapping[str, str]
) -> None:
    """BatchNorm is folded into the convolution before it, the normalisation's scale into the first convolution.

    Its mean is subtracted by a node of its own: zero padding has to stay the mean of the image.
    """
    graph = _Graph()
    graph.add("Cast", "pixels", to=TensorProto.FLOAT)
    if any(mean):
        graph.add("Sub", "centred", graph.store("mean", 255 * np.asarray(mean).reshape(1, 3, 1, 1)))
    first = len(graph.nodes)
    input_scale = 1 / (255 * np.asarray(std).reshape(1, 3, 1, 1))
    for name, layer, norm in layers(model):
        if isinstance(layer, nn.Conv2d):
            weight, bias = fold(layer, norm)
            if len(graph.nodes) == first:
                weight = weight * input_scale
            graph.add(
                "Conv",
                name,
                graph.store(f"{name}.weight", weight),
                graph.store(f"{name}.bias", bias),
                kernel_shape=list(layer.kernel_size),
                strides=list(layer.stride),
                pads=[int(pad) for pad in layer.padding] * 2,
                group=layer.groups,
            )
        else:
            _WRITERS[type(layer)](graph, name, layer)
    graph.nodes[-1].output[0] = OUTPUT
    save(_model_proto(graph), path, metadata)


def save(proto: onnx.ModelProto, path: Path, metadata: Mapping[str, str]) -> None:
    helper.set_model_props(proto, dict(metadata))
    onnx.checker.check_model(proto)
    with written_whole(path) as beside:
        onnx.save(proto, beside)


def check(
    path: Path, model: nn.Module, pixels: NDArray[np.uint8], mean: Sequence[float], std: Sequence[float]
) -> float:
    """The largest difference between the file's outputs and the network's; more than TOLERANCE is an error."""
    with torch.inference_mode():
        expected = model(normalise(torch.from_numpy(pixels), mean, std)).numpy()
    difference = float(np.abs(logits(path, pixels) - expected).max() / max(1.0, np.abs(expected).max()))
    if not difference <= TOLERANCE:
        raise CandidateError(f"{path.name} differs from the network by {difference:.2g}, more than {TOLERANCE:g}")
    return difference


def logits(path: Path, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the file answers, on this machine's CPU."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    outputs: NDArray[np.float32] = session.run(None, {INPUT: pixels})[0]
    return outputs


def _model_proto(graph: _Graph) -> onnx.ModelProto:
    classes = graph.weights[-1].dims[0]
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "network",
            [helper.make_tensor_value_info(INPUT, TensorProto.UINT8, ["batch", 3, 32, 32])],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch", classes])],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    return shape_inference.infer_shapes(proto, strict_mode=True)


def _relu(graph: _Graph, name: str, _: nn.Module) -> None:
    graph.add("Relu", name)


def _pool(graph: _Graph, name: str, _: nn.Module) -> None:
    graph.add("GlobalAveragePool", name)


def _flatten(graph: _Graph, name: str, _: nn.Module) -> None:
    graph.add("Flatten", name)


def _linear(graph: _Graph, name: str, layer: nn.Module) -> None:
    assert isinstance(layer, nn.Linear)
    bias = graph.store(f"{name}.bias", layer.bias.detach())
    graph.add("Gemm", name, graph.store(f"{name}.weight", layer.weight.detach()), bias, transB=1)


_WRITERS: dict[type[nn.Module], Callable[[_Graph, str, nn.Module], None]] = {
    nn.ReLU: _relu,
    nn.AdaptiveAvgPool2d: _pool,
    nn.Flatten: _flatten,
    nn.Linear: _linear,
}
