"""Writer: a TensorFlow Lite file, put together with the schema that LiteRT brings."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

# What a file of this kind begins with, behind four bytes.
IDENTIFIER = b"TFL3"
_SCHEMA_VERSION = 3
# Kernels read whole vectors of 128 bits.
_ALIGNMENT = 16
# Operators numbered higher do not fit the byte that older readers look at.
_LARGEST_OLD_CODE = 127

KINDS: dict[type[np.generic], int] = {
    np.float32: schema.TensorType.FLOAT32,
    np.int32: schema.TensorType.INT32,
    np.int8: schema.TensorType.INT8,
    np.uint8: schema.TensorType.UINT8,
}


@dataclass(frozen=True, slots=True)
class Levels:
    """What the whole numbers of a tensor stand for: scale x (number - zero point), for all or along one axis."""

    scales: Sequence[float]
    zero_points: Sequence[int]
    axis: int = 0


class _AlignedBuffer(schema.BufferT):  # type: ignore[misc]
    def Pack(self, builder: flatbuffers.Builder) -> int:
        builder.StartVector(1, len(self.data), _ALIGNMENT)
        builder.head = builder.Head() - len(self.data)
        builder.Bytes[builder.Head() : builder.Head() + len(self.data)] = self.data
        data = builder.EndVector()
        schema.BufferStart(builder)
        schema.BufferAddData(builder, data)
        return int(schema.BufferEnd(builder))


class Writer:
    """Tensors are numbered as they are added; an operator names those that it reads and writes."""

    def __init__(self) -> None:
        self._model = schema.ModelT(version=_SCHEMA_VERSION, description="", operatorCodes=[])
        # The first buffer is empty: that of every tensor whose values are worked out.
        self._model.buffers, self._model.metadata = [schema.BufferT()], []
        self._graph = schema.SubGraphT(name="network", tensors=[], operators=[])
        self._model.subgraphs = [self._graph]
        self._codes: dict[tuple[int, int], int] = {}

    def value(self, name: str, shape: Sequence[int], kind: type[np.generic], levels: Levels | None = None) -> int:
        """What an operator or whoever runs the file writes."""
        return self._tensor(name, shape, kind, levels, 0)

    def constant(self, name: str, values: NDArray[Any], levels: Levels | None = None) -> int:
        return self._tensor(name, values.shape, values.dtype.type, levels, self._buffer(values.tobytes()))

    def operator(
        self, code: int, reads: Sequence[int], writes: int, options: object | None = None, version: int = 1
    ) -> None:
        """`version`: the oldest reader's that knows these kinds of numbers."""
        operator = schema.OperatorT(inputs=list(reads), outputs=[writes], opcodeIndex=self._code(code, version))
        if options is not None:
            operator.builtinOptions = options
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, type(options).__name__.removesuffix("T"))
        self._graph.operators.append(operator)

    def file(self, image: int, logits: int, metadata: Mapping[str, str]) -> bytes:
        self._graph.inputs, self._graph.outputs = [image], [logits]
        for name, content in metadata.items():
            self._model.metadata.append(schema.MetadataT(name=name, buffer=self._buffer(content.encode())))
        builder = flatbuffers.Builder(sum(len(buffer.data or ()) for buffer in self._model.buffers) + 4096)
        builder.Finish(self._model.Pack(builder), IDENTIFIER)
        return bytes(builder.Output())

    def _tensor(
        self, name: str, shape: Sequence[int], kind: type[np.generic], levels: Levels | None, buffer: int
    ) -> int:
        tensor = schema.TensorT(name=name, shape=list(shape), type=KINDS[kind], buffer=buffer)
        if levels is not None:
            tensor.quantization = schema.QuantizationParametersT(
                scale=list(levels.scales), zeroPoint=list(levels.zero_points), quantizedDimension=levels.axis
            )
        self._graph.tensors.append(tensor)
        return len(self._graph.tensors) - 1

    def _buffer(self, content: bytes) -> int:
        self._model.buffers.append(_AlignedBuffer(data=content))
        return len(self._model.buffers) - 1

    def _code(self, code: int, version: int) -> int:
        if (code, version) not in self._codes:
            self._codes[code, version] = len(self._codes)
            old = min(code, _LARGEST_OLD_CODE)
            self._model.operatorCodes.append(
                schema.OperatorCodeT(builtinCode=code, deprecatedBuiltinCode=old, version=version)
            )
        return self._codes[code, version]
