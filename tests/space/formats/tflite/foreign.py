"""Small TensorFlow Lite files as others make them: any input, several outputs, operators that no interpreter has."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from space.formats.tflite.writer import IDENTIFIER, Levels, Writer

_CODES = schema.BuiltinOperator
_CHANNELS, _CLASSES = 8, 10
_FIRST_TO_LAST = (0, 2, 3, 1)


def write_classifier(
    path: Path,
    *,
    shape: Sequence[int] = (1, 32, 32, 3),
    kind: type[np.generic] = np.float32,
    levels: Levels | None = None,
    channels_first: bool = False,
    changed: Callable[[Any], None] = lambda model: None,
) -> Path:
    """A convolution and a linear layer with random weights; `changed` is given the model (schema.ModelT) to alter."""
    writer, random = Writer(), np.random.default_rng(0)
    batch = shape[0]
    image = pixels = writer.value("image", shape, kind, levels)
    if kind is not np.float32:
        pixels = writer.value("floats", shape, np.float32)
        code = _CODES.CAST if levels is None else _CODES.DEQUANTIZE
        writer.operator(code, [image], pixels, schema.CastOptionsT() if levels is None else None, 2)
    if channels_first:
        order = writer.constant("order", np.array(_FIRST_TO_LAST, np.int32))
        shape = [shape[axis] for axis in _FIRST_TO_LAST]
        last = writer.value("channels last", shape, np.float32)
        writer.operator(_CODES.TRANSPOSE, [pixels, order], last, schema.TransposeOptionsT())
        pixels = last
    stem = writer.constant("stem", random.normal(size=(_CHANNELS, 3, 3, shape[-1])).astype(np.float32))
    bias = writer.constant("bias", np.zeros(_CHANNELS, np.float32))
    rows, columns = (size - 2 for size in shape[1:3])
    maps = writer.value("maps", (batch, rows, columns, _CHANNELS), np.float32)
    options = schema.Conv2DOptionsT(padding=schema.Padding.VALID, strideH=1, strideW=1)
    writer.operator(_CODES.CONV_2D, [pixels, stem, bias], maps, options)
    axes = writer.constant("axes", np.array([1, 2], np.int32))
    means = writer.value("means", (batch, _CHANNELS), np.float32)
    writer.operator(_CODES.MEAN, [maps, axes], means, schema.ReducerOptionsT())
    head = writer.constant("head", random.normal(size=(_CLASSES, _CHANNELS)).astype(np.float32))
    scores = writer.value("scores", (batch, _CLASSES), np.float32)
    writer.operator(_CODES.FULLY_CONNECTED, [means, head, -1], scores, schema.FullyConnectedOptionsT())
    path.write_bytes(altered(writer.file(image, scores, {}), changed))
    return path


def altered(content: bytes, changed: Callable[[Any], None]) -> bytes:
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    changed(model)
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def tensor(model: Any, name: str) -> Any:
    return next(tensor for tensor in model.subgraphs[0].tensors if tensor.name.decode() == name)


def open_sizes(*signature: int) -> Callable[[Any], None]:
    """The image's sizes, of which -1 is left open: 1 stands there until somebody says what it is."""

    def changed(model: Any) -> None:
        image = tensor(model, "image")
        image.shapeSignature = list(signature)
        image.shape = [max(size, 1) for size in signature]

    return changed


def last_operator(code: int, *, custom: str | None = None, version: int = 1) -> Callable[[Any], None]:
    """The last operator is another one, of which only the interpreter knows whether it has it."""

    def changed(model: Any) -> None:
        operator = model.operatorCodes[model.subgraphs[0].operators[-1].opcodeIndex]
        operator.builtinCode, operator.deprecatedBuiltinCode, operator.version = code, min(code, 127), version
        operator.customCode = custom
        model.subgraphs[0].operators[-1].builtinOptions = None
        model.subgraphs[0].operators[-1].builtinOptionsType = 0

    return changed


def also_given(*names: str) -> Callable[[Any], None]:
    """These values are outputs too, behind the scores."""

    def changed(model: Any) -> None:
        graph = model.subgraphs[0]
        tensors = [each.name.decode() for each in graph.tensors]
        graph.outputs = [*graph.outputs, *map(tensors.index, names)]

    return changed
