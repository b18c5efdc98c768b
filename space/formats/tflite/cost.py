"""Cost: weights, multiply-accumulates, operators and bytes, read off a TensorFlow Lite file without running it."""

import math
from pathlib import Path

from ai_edge_litert import schema_py_generated as schema

from space.formats.format import Cost
from space.formats.tflite.reading import graph_of

_CODES = schema.BuiltinOperator
# Those with a kernel: an operator's second and third input are its weights.
_CONVOLUTIONS = {_CODES.CONV_2D: (1, 2, 3), _CODES.DEPTHWISE_CONV_2D: (1, 2)}
_WEIGHTED = {*_CONVOLUTIONS, _CODES.FULLY_CONNECTED}


def cost(path: Path) -> Cost:
    weights: dict[int, int] = {}
    macs = 0
    with graph_of(path) as graph:
        for operator in graph.operators:
            code, reads = graph.code(operator), graph.reads(operator)
            if code not in _WEIGHTED:
                continue
            weights |= {tensor: math.prod(graph.shape(tensor)) for tensor in reads[1:] if graph.is_constant(tensor)}
            kernel = graph.shape(reads[1])
            # Each output value takes as many products as it reads channels, times the size of the kernel.
            products = math.prod(kernel[axis] for axis in _CONVOLUTIONS[code]) if code in _CONVOLUTIONS else kernel[1]
            macs += math.prod(graph.shape(int(operator.Outputs(0)))) * products
        return Cost(
            weights=sum(weights.values()),
            macs=macs,
            operators=len(graph.operators),
            file_bytes=path.stat().st_size,
        )
