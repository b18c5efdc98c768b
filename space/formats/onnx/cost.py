"""Cost: weights, multiply-accumulates, operators and bytes, read off an ONNX file without running it."""

import math
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import shape_inference

from space.errors import RequestError
from space.files import check_size
from space.formats.format import Cost

# Bookkeeping around an operator, not an operator: the runtime fuses it.
_NOT_COUNTED = {"QuantizeLinear", "DequantizeLinear", "Constant"}


def cost(path: Path) -> Cost:
    proto = load(path)
    graph = shape_inference.infer_shapes(proto).graph
    weights = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant":
            weights[node.output[0]] = next(
                (tuple(entry.t.dims) for entry in node.attribute if entry.name == "value"), ()
            )
    shapes = {
        value.name: [dim.dim_value or 1 for dim in value.type.tensor_type.shape.dim]
        for value in (*graph.input, *graph.value_info, *graph.output)
    }
    made_by = {output: node for node in graph.node for output in node.output}

    def weight_shape(name: str) -> tuple[int, ...]:
        while name not in weights and name in made_by and made_by[name].input:
            name = made_by[name].input[0]
        return weights.get(name, ())

    macs = 0
    for node in graph.node:
        kernel = weight_shape(node.input[1]) if len(node.input) > 1 else ()
        if node.op_type in {"Conv", "ConvInteger"} and kernel:
            # Each output value takes as many products as it reads channels, times the size of the kernel.
            macs += math.prod(shapes.get(node.output[0], [])) * math.prod(kernel[1:])
        elif node.op_type in {"Gemm", "MatMul", "MatMulInteger"} and kernel:
            macs += math.prod(kernel)
    return Cost(
        weights=sum(math.prod(shape) for shape in weights.values()),
        macs=macs,
        operators=sum(node.op_type not in _NOT_COUNTED for node in graph.node),
        file_bytes=path.stat().st_size,
    )


def load(path: Path) -> onnx.ModelProto:
    """The model, or a line that says that this is none."""
    try:
        check_size(path)
        proto = onnx.load(path)
        onnx.checker.check_model(proto)
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror or error}") from error
    except (DecodeError, onnx.checker.ValidationError, ValueError) as error:
        raise RequestError(f"{path} is not an ONNX file: {str(error).splitlines()[0]}") from error
    return proto
