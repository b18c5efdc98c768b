"""Model -> ONNX file that takes raw images; checked against the torch outputs; the recipe inside its metadata.

The graph is written directly rather than by torch.onnx: a network here is made of few kinds of layers, the exporter
takes 3 to 6 s for it and this 0.03 s, and what stands in the file decides the latency.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
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
from space.networks.prunable import Prunable
from space.networks.steps import IMAGES, KNOWN, Add, Step, factors, fold, steps

# ONNX Runtime 1.16, the oldest found on course boards, reads operator set 17 and file format 8.
OPSET = 17
IR_VERSION = 8
INPUT, OUTPUT = "image", "logits"
# What the values before the first layer, and their weights, are called here and in a quantized file.
_TAKEN = {INPUT, OUTPUT, "pixels", "centred", "centred_image", "mean", "scaled", "scale", "grey_scale", "grey_zero"}
# Largest difference from the torch outputs, in units of the largest output where that is above one.
TOLERANCE = 1e-4


@dataclass
class _Graph:
    """The nodes so far."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    weights: list[onnx.TensorProto] = field(default_factory=list)

    def store(self, name: str, values: torch.Tensor | NDArray[np.float64]) -> str:
        self.weights.append(numpy_helper.from_array(np.asarray(values, dtype=np.float32), name))
        return name

    def add(self, kind: str, name: str, *inputs: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name=name, **attributes))
        return name

    def conv(
        self, name: str, read: str, weight: NDArray[np.float64], bias: NDArray[np.float64], **attributes: Any
    ) -> None:
        self.add("Conv", name, read, self.store(f"{name}.weight", weight), self.store(f"{name}.bias", bias),
                 **attributes)  # fmt: skip


def export(
    model: Prunable, path: Path, *, mean: Sequence[float], std: Sequence[float], metadata: Mapping[str, str]
) -> None:
    """BatchNorm is folded into the convolution before it, the normalisation's scale into the convolutions that read
    the images.

    Its mean is subtracted by a node of its own: zero padding has to stay the mean of the image.
    """
    graph = _Graph()
    done = _named(steps(model))
    images = graph.add("Cast", "pixels", INPUT, to=TensorProto.FLOAT)
    channels = (1, -1, 1, 1)
    if any(mean):
        centre = graph.store("mean", 255 * np.asarray(mean).reshape(channels))
        images = graph.add("Sub", "centred", images, centre)
    scale = 1 / (255 * np.asarray(std).reshape(channels))
    readers = [step.layer for step in done if IMAGES in step.reads]
    foldable = all(isinstance(layer, nn.Conv2d) and layer.groups == 1 for layer in readers)
    if not foldable:
        images = graph.add("Mul", "scaled", images, graph.store("scale", scale))
    for step in done:
        reads = tuple(name if name != IMAGES else images for name in step.reads)
        if isinstance(step.layer, nn.Conv2d):
            weight, bias = fold(step.layer, step.norm)
            if foldable and IMAGES in step.reads:
                weight = weight * scale
            graph.conv(step.name, reads[0], weight, bias, **_window(step), group=step.layer.groups)
        else:
            _writer(step)(graph, step, reads)
    graph.nodes[-1].output[0] = OUTPUT
    save(_model_proto(graph, model), path, metadata)


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


def _named(done: Sequence[Step]) -> list[Step]:
    """A layer whose name is taken gets another one in the file."""
    names = {step.name: f"{step.name}_layer" if step.name in _TAKEN else step.name for step in done}
    return [
        replace(step, name=names[step.name], reads=tuple(names.get(read, read) for read in step.reads)) for step in done
    ]


def _model_proto(graph: _Graph, model: Prunable) -> onnx.ModelProto:
    images: list[str | int | None] = ["batch", model.image.channels, model.image.side, model.image.side]
    proto = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "network",
            [helper.make_tensor_value_info(INPUT, TensorProto.UINT8, images)],
            [helper.make_tensor_value_info(OUTPUT, TensorProto.FLOAT, ["batch", model.classes])],
            graph.weights,
        ),
        opset_imports=[helper.make_opsetid("", OPSET)],
        ir_version=IR_VERSION,
    )
    return shape_inference.infer_shapes(proto, strict_mode=True)


def _window(step: Step) -> dict[str, list[int]]:
    """What a layer that slides over a map looks at; CandidateError where it does so in a way of its own."""
    layer: Any = step.layer
    kernel, strides, pads = (_pair(value) for value in (layer.kernel_size, layer.stride, layer.padding))
    plain = _pair(getattr(layer, "dilation", 1)) == [1, 1] and not getattr(layer, "ceil_mode", False)
    if not plain or getattr(layer, "padding_mode", "zeros") != "zeros":
        raise CandidateError(f"{step.name}: only plain windows are exported, without dilation or rounding up: {layer}")
    return {"kernel_shape": kernel, "strides": strides, "pads": pads * 2}


def _pair(value: Any) -> list[int]:
    if isinstance(value, str):
        raise CandidateError(f"padding {value!r} is not exported; a number of pixels is")
    return [int(value)] * 2 if isinstance(value, int) else [int(number) for number in value]


_Writer = Callable[[_Graph, Step, tuple[str, ...]], object]


def _plain(kind: str) -> _Writer:
    return lambda graph, step, reads: graph.add(kind, step.name, *reads)


def _relu6(graph: _Graph, step: Step, reads: tuple[str, ...]) -> None:
    ends = (graph.store(f"{step.name}.{end}", np.array(value)) for end, value in (("least", 0.0), ("most", 6.0)))
    graph.add("Clip", step.name, *reads, *ends)


def _max_pool(graph: _Graph, step: Step, reads: tuple[str, ...]) -> None:
    graph.add("MaxPool", step.name, *reads, **_window(step))


def _average_pool(graph: _Graph, step: Step, reads: tuple[str, ...]) -> None:
    layer = step.layer
    assert isinstance(layer, nn.AvgPool2d)
    if layer.divisor_override is not None:
        raise CandidateError(f"{step.name}: a divisor of its own is not exported: {layer}")
    graph.add("AveragePool", step.name, *reads, **_window(step), count_include_pad=int(layer.count_include_pad))


def _global_pool(graph: _Graph, step: Step, reads: tuple[str, ...]) -> None:
    layer = step.layer
    assert isinstance(layer, nn.AdaptiveAvgPool2d)
    if _pair(layer.output_size) != [1, 1]:
        raise CandidateError(f"{step.name}: only the mean of a whole map is exported, AdaptiveAvgPool2d(1): {layer}")
    graph.add("GlobalAveragePool", step.name, *reads)


def _flatten(graph: _Graph, step: Step, reads: tuple[str, ...]) -> None:
    layer = step.layer
    assert isinstance(layer, nn.Flatten)
    if (layer.start_dim, layer.end_dim) != (1, -1):
        raise CandidateError(f"{step.name}: only whole images are flattened, from axis 1 on: {layer}")
    graph.add("Flatten", step.name, *reads)


def _linear(graph: _Graph, step: Step, reads: tuple[str, ...]) -> None:
    layer, name = step.layer, step.name
    assert isinstance(layer, nn.Linear)
    bias = torch.zeros(layer.out_features) if layer.bias is None else layer.bias.detach()
    stored = graph.store(f"{name}.bias", bias)
    graph.add("Gemm", name, *reads, graph.store(f"{name}.weight", layer.weight.detach()), stored, transB=1)


def _norm(graph: _Graph, step: Step, reads: tuple[str, ...]) -> None:
    """One that no convolution takes in: a convolution of its own, each channel for itself."""
    assert isinstance(step.layer, nn.BatchNorm2d)
    scale, shift = factors(step.layer)
    graph.conv(
        step.name,
        reads[0],
        scale.reshape(-1, 1, 1, 1),
        shift,
        kernel_shape=[1, 1],
        strides=[1, 1],
        pads=[0] * 4,
        group=len(scale),
    )


_WRITERS: dict[type[nn.Module], _Writer] = {
    nn.ReLU: _plain("Relu"),
    nn.ReLU6: _relu6,
    nn.MaxPool2d: _max_pool,
    nn.AvgPool2d: _average_pool,
    nn.AdaptiveAvgPool2d: _global_pool,
    nn.Flatten: _flatten,
    nn.Linear: _linear,
    nn.BatchNorm2d: _norm,
    Add: _plain("Add"),
}


def _writer(step: Step) -> _Writer:
    if type(step.layer) not in _WRITERS:
        raise CandidateError(f"{step.name}: operator {type(step.layer).__name__} is not known; {KNOWN}")
    return _WRITERS[type(step.layer)]
