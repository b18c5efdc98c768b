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
# Of numbers, tensors and operators together: a network for a small computer has some hundred.
_MOST_PARTS = 100_000


@dataclass(frozen=True)
class Graph:
    """The first subgraph, which is what the interpreter runs."""

    tensors: list[Any]
    operators: list[Any]
    # By the number that an operator gives, its number in BuiltinOperator.
    codes: list[int]
    inputs: list[int]

    def shape(self, tensor: int) -> list[int]:
        shape = self.tensors[tensor].ShapeAsNumpy()
        return [int(size) for size in shape] if isinstance(shape, np.ndarray) else []

    def code(self, operator: Any) -> int:
        return self.codes[int(operator.OpcodeIndex())]

    def reads(self, operator: Any) -> list[int]:
        """Those that are left out have no number."""
        inputs: NDArray[np.int32] = operator.InputsAsNumpy()
        return [int(tensor) for tensor in inputs if tensor >= 0]


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
        raise RequestError(f"{path} is not a whole TensorFlow Lite file: {str(error).splitlines()[0][:200]}") from error


def _graph(content: bytes) -> Graph:
    model = schema.Model.GetRootAs(content, 0)
    if model.SubgraphsLength() < 1:
        raise ValueError("it has no graph")
    graph = model.Subgraphs(0)
    parts = graph.TensorsLength() + graph.OperatorsLength() + model.OperatorCodesLength()
    if parts > _MOST_PARTS:
        raise ValueError(f"it says that it has {parts:,} tensors and operators")
    codes = [model.OperatorCodes(index) for index in range(model.OperatorCodesLength())]
    return Graph(
        tensors=[graph.Tensors(index) for index in range(graph.TensorsLength())],
        operators=[graph.Operators(index) for index in range(graph.OperatorsLength())],
        # Before there were 128 operators a byte was enough.
        codes=[max(code.BuiltinCode(), code.DeprecatedBuiltinCode()) for code in codes],
        inputs=[int(tensor) for tensor in graph.InputsAsNumpy()],
    )
