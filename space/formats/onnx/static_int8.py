"""Integers -> signed int8 graph: every value that an integer layer reads is quantized, and only integers pass.

Each such value is made whole and real again by a pair of nodes, and each weight is made real from its levels: ONNX
Runtime finds its integer kernels by them.
"""

import numpy as np
import onnx
from numpy.typing import NDArray

from space.formats.integers import Integers, Levels, clips, integer_values
from space.formats.onnx.operators import INPUT, OUTPUT, Nodes, called
from space.networks.steps import IMAGES, Step

# The images as the first layer reads them.
_CENTRED = "centred"


def written(chosen: Integers) -> onnx.ModelProto:
    nodes, network = Nodes(), chosen.network
    quantized = integer_values(network)
    grey = nodes.store("grey_scale", np.float32(1)), nodes.store("grey_zero", np.uint8(chosen.grey))
    nodes.add("DequantizeLinear", "centred_image", INPUT, *grey, result=_CENTRED)
    _quantize(nodes, _CENTRED, chosen.values[IMAGES])
    for step in chosen.steps:
        inputs = [_CENTRED if name == IMAGES else called(name) for name in step.reads]
        if not clips(step):
            inputs = [f"{name}_real" for name in inputs]
        result = OUTPUT if step is network.last else called(chosen.result(step))
        nodes.layer(network, step, [*inputs, *_weights(nodes, chosen, step)], result)
        if chosen.result(step) in quantized:
            _quantize(nodes, result, chosen.values[chosen.result(step)])
    return nodes.proto(network)


def _quantize(nodes: Nodes, value: str, levels: Levels) -> None:
    parameters = (
        nodes.store(f"{value}_scale", np.float32(levels.scale)),
        nodes.store(f"{value}_zero", np.int8(levels.zero)),
    )
    whole = nodes.add("QuantizeLinear", f"{value}_int8", value, *parameters)
    nodes.add("DequantizeLinear", f"{value}_real", whole, *parameters)


def _weights(nodes: Nodes, chosen: Integers, step: Step) -> tuple[str, ...]:
    if step.name not in chosen.weights:
        return ()
    stored, name = chosen.weights[step.name], called(step.name)
    return (
        _dequantized(nodes, f"{name}.weight", stored.levels, stored.scales),
        _dequantized(nodes, f"{name}.bias", stored.bias, stored.steps),
    )


def _dequantized(nodes: Nodes, name: str, levels: NDArray[np.generic], scales: NDArray[np.float32]) -> str:
    parameters = (
        nodes.store(f"{name}_scale", scales),
        nodes.store(f"{name}_zero", np.zeros(len(scales), levels.dtype)),
    )
    whole = nodes.store(f"{name}_levels", levels)
    return nodes.add("DequantizeLinear", f"{name}_real", whole, *parameters, axis=0)
