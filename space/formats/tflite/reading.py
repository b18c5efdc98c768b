"""Reading: a TensorFlow Lite file by its schema; one that is damaged, or none, is said to be so in a line."""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from space.errors import RequestError
from space.formats.tflite.metadata import content_of

# What a flatbuffer raises whose offsets lead beyond its end.
_DAMAGED = (struct.error, IndexError, ValueError, TypeError, AttributeError, MemoryError, OverflowError)
# Tensors, buffers and operators together, and what all operators read: a network for a small computer has some hundred.
_MOST_PARTS = 100_000
# No operator of TensorFlow Lite takes a tensor of more axes than 8.
_MOST_AXES = 8


@dataclass(frozen=True)
class Graph:
    """The first subgraph, which is what the interpreter runs."""

    tensors: list[Any]
    operators: list[Any]
    # An operator's number in BuiltinOperator, by the number that the operator itself gives.
    codes: list[int]
    inputs: list[int]
    # How many bytes a buffer has, by its number: 0 for those that are filled while the file runs.
    buffers: list[int]

    def shape(self, tensor: int) -> list[int]:
        return _sizes(self.tensors[tensor].ShapeAsNumpy(), least=0)

    def signature(self, tensor: int) -> list[int]:
        """The shape, with -1 where whoever runs the file may choose."""
        return _sizes(self.tensors[tensor].ShapeSignatureAsNumpy(), least=-1) or self.shape(tensor)

    def code(self, operator: Any) -> int:
        return self.codes[int(operator.OpcodeIndex())]

    def reads(self, operator: Any) -> list[int]:
        """The numbers of its inputs; those that are left out have none."""
        return [int(tensor) for tensor in _numbers(operator.InputsAsNumpy()) if tensor >= 0]

    def is_constant(self, tensor: int) -> bool:
        return self.buffers[int(self.tensors[tensor].Buffer())] > 0


def _numbers(vector: "NDArray[np.int32] | int") -> "NDArray[np.int32]":
    """What a flatbuffer says of a vector that it leaves out is 0."""
    numbers = vector if isinstance(vector, np.ndarray) else np.empty(0, np.int32)
    if len(numbers) > _MOST_PARTS:
        raise ValueError(f"a list in it says that it has {len(numbers):,} entries")
    return numbers


def _sizes(vector: "NDArray[np.int32] | int", least: int) -> list[int]:
    sizes = [int(size) for size in _numbers(vector)]
    if len(sizes) > _MOST_AXES or min(sizes, default=0) < least:
        raise ValueError(f"a tensor in it is said to be {sizes[: _MOST_AXES + 1]}")
    return sizes


@contextmanager
def graph_of(path: Path) -> Iterator[Graph]:
    """RequestError where it is no such file, or turns out to be damaged while it is read."""
    try:
        content = content_of(path)
    except OSError as error:
        raise RequestError(f"{path} cannot be read: {error.strerror or error}") from error
    except ValueError as error:
        raise RequestError(f"{path} is not a TensorFlow Lite file: {error}") from error
    try:
        yield _graph(content)
    except _DAMAGED as error:
        reason = str(error)[:200] if type(error) is ValueError else "parts of it lie where it has none"
        raise RequestError(f"{path} is not a whole TensorFlow Lite file: {reason}") from error


def _graph(content: bytes) -> Graph:
    model = schema.Model.GetRootAs(content, 0)
    if model.SubgraphsLength() < 1:
        raise ValueError("it has no graph")
    graph = model.Subgraphs(0)
    parts = graph.TensorsLength() + graph.OperatorsLength() + model.OperatorCodesLength() + model.BuffersLength()
    if parts > _MOST_PARTS:
        raise ValueError(f"it says that it has {parts:,} tensors, buffers and operators")
    operators = [graph.Operators(index) for index in range(graph.OperatorsLength())]
    # Many operators may share one list, and a small file name far more than it has bytes.
    reads = sum(operator.InputsLength() for operator in operators)
    if reads > _MOST_PARTS:
        raise ValueError(f"its operators say that they read {reads:,} values")
    codes = [model.OperatorCodes(index) for index in range(model.OperatorCodesLength())]
    return Graph(
        tensors=[graph.Tensors(index) for index in range(graph.TensorsLength())],
        operators=operators,
        # Before there were 128 operators a byte was enough.
        codes=[max(code.BuiltinCode(), code.DeprecatedBuiltinCode()) for code in codes],
        inputs=[int(tensor) for tensor in _numbers(graph.InputsAsNumpy())],
        buffers=[model.Buffers(index).DataLength() for index in range(model.BuffersLength())],
    )
