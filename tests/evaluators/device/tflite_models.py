"""Networks as TensorFlow Lite files, as our own exports write them, and what is left of one that is damaged."""

from collections.abc import Callable
from pathlib import Path

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from space.formats.format import Original
from space.formats.quantizations import NONE
from space.formats.target import format_of
from space.recipe import Recipe
from tests.conftest import NARROW
from tests.contracts.runtime import HALVINGS, network, patches
from tests.space.few_images import MEAN, STD


def write_network(path: Path, quantization: str = NONE) -> Path:
    """An untrained network that tells images apart by their colours."""
    recipe = Recipe(widths=NARROW, halvings=HALVINGS, quantization=quantization, runtime="litert")
    pixels = patches()
    original = Original(
        network=network(pixels), mean=MEAN, std=STD, pixels=pixels, metadata={"recipe": recipe.to_json()}
    )
    file_format = format_of(recipe)
    file_format.write(original, path)
    file_format.quantize(original, recipe, path)
    return path


def changed(path: Path, change: Callable[[schema.ModelT], None]) -> Path:
    """The same file, but for that."""
    model = schema.ModelT.InitFromPackedBuf(bytearray(path.read_bytes()), 0)
    change(model)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), b"TFL3")
    path.write_bytes(bytes(builder.Output()))
    return path


def write_without_output(path: Path) -> Path:
    def change(model: schema.ModelT) -> None:
        model.subgraphs[0].outputs = np.array([], np.int32)

    return changed(write_network(path), change)


def write_endless(path: Path) -> Path:
    """Logits that go through a graph that calls itself: the interpreter looks for its end until the stack is full."""

    def change(model: schema.ModelT) -> None:
        code = schema.OperatorCodeT()
        code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.IF
        model.operatorCodes.append(code)
        main, again = model.subgraphs[0], schema.SubGraphT()
        logits = int(main.outputs[0])
        main.tensors += [_condition(model), main.tensors[logits]]
        first = len(main.tensors) - 2
        main.operators.append(_call(model, [first, logits], [first + 1]))
        main.outputs = np.array([first + 1], np.int32)
        again.tensors = [main.tensors[logits], main.tensors[logits], _condition(model)]
        again.inputs, again.outputs = np.array([0], np.int32), np.array([1], np.int32)
        again.operators = [_call(model, [2, 0], [1])]
        model.subgraphs.append(again)

    return changed(write_network(path), change)


def _condition(model: schema.ModelT) -> schema.TensorT:
    """A condition that holds."""
    content = schema.BufferT()
    content.data = np.array([1], np.uint8)
    model.buffers.append(content)
    condition = schema.TensorT()
    condition.shape, condition.type = np.array([], np.int32), schema.TensorType.BOOL
    condition.buffer = len(model.buffers) - 1
    return condition


def _call(model: schema.ModelT, inputs: list[int], outputs: list[int]) -> schema.OperatorT:
    """Calls the second graph, if the first of its inputs holds, and else as well."""
    branches, call = schema.IfOptionsT(), schema.OperatorT()
    branches.thenSubgraphIndex = branches.elseSubgraphIndex = 1
    call.opcodeIndex = len(model.operatorCodes) - 1
    call.inputs, call.outputs = np.array(inputs, np.int32), np.array(outputs, np.int32)
    call.builtinOptionsType, call.builtinOptions = schema.BuiltinOptions.IfOptions, branches
    return call
