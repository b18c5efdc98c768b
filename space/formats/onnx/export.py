"""Model -> ONNX file that takes raw images; checked against the torch outputs; the recipe inside its metadata.

The graph is written directly rather than by torch.onnx: a network here is made of few kinds of layers, the exporter
takes 3 to 6 s for it and this 0.03 s, and what stands in the file decides the latency.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, shape_inference
from torch import nn

from space.files import written_whole
from space.formats.agreement import difference_from
from space.formats.folded import Folded, folded
from space.formats.onnx.operators import INPUT, OUTPUT, Nodes, called
from space.networks.prunable import Prunable
from space.networks.steps import IMAGES, Step


def export(
    model: Prunable, path: Path, *, mean: Sequence[float], std: Sequence[float], metadata: Mapping[str, str]
) -> None:
    save(_fp32(folded(model, mean, std)), path, metadata)


def _fp32(network: Folded) -> onnx.ModelProto:
    """The mean is subtracted by a node of its own: zero padding has to stay the mean of the image."""
    nodes = Nodes()
    images = nodes.add("Cast", "pixels", INPUT, to=TensorProto.FLOAT)
    channels = (1, -1, 1, 1)
    if network.mean.any():
        images = nodes.add("Sub", "centred", images, nodes.real("mean", network.mean.reshape(channels)))
    if network.scale is not None:
        images = nodes.add("Mul", "scaled", images, nodes.real("scale", network.scale.reshape(channels)))
    for step in network.steps:
        reads = [called(name) if name != IMAGES else images for name in step.reads]
        result = OUTPUT if step is network.last else called(step.name)
        nodes.layer(network, step, [*reads, *_weights(nodes, network, step)], result)
    return shape_inference.infer_shapes(nodes.proto(network), strict_mode=True)


def _weights(nodes: Nodes, network: Folded, step: Step) -> tuple[str, ...]:
    if step.name not in network.weights:
        return ()
    stored, names = network.weights[step.name], {part: f"{called(step.name)}.{part}" for part in ("weight", "bias")}
    # A file that is made again has to be the same to the byte, and these have always stood in this order.
    for part in reversed(names) if isinstance(step.layer, nn.Linear) else names:
        nodes.real(names[part], getattr(stored, part))
    return tuple(names.values())


def save(proto: onnx.ModelProto, path: Path, metadata: Mapping[str, str]) -> None:
    helper.set_model_props(proto, dict(metadata))
    onnx.checker.check_model(proto)
    with written_whole(path) as beside:
        onnx.save(proto, beside)


def check(
    path: Path, model: nn.Module, pixels: NDArray[np.uint8], mean: Sequence[float], std: Sequence[float]
) -> float:
    """The largest difference between the file's outputs and the network's; too large a one is an error."""
    return difference_from(model, pixels, mean, std, path, logits(path, pixels))


def logits(path: Path, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What the file answers, on this machine's CPU."""
    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    outputs: NDArray[np.float32] = session.run(None, {INPUT: pixels})[0]
    return outputs
