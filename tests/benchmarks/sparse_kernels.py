"""What XNNPACK's sparse kernels make of files whose single weights are zero.

    python -m tests.benchmarks.sparse_kernels [FILE.tflite...] [--here] [--core cortex-a53] [--runs 3]

No option of LiteRT's interpreter switches them on: a file does, which holds its pointwise weights without their zeros
and an operator DENSIFY for each. XNNPACK then takes them sparse where it can: never on x86 with AVX, and from a first
convolution on that is 3x3, halves the image and is padded by one on every side, if two thirds of the weights are zero.

Without files MobileNetV2, as the study of docs/studies.md prunes it by magnitude, untrained: its first convolution
halves nothing; and the same with that one halving. Each file is run as it is and written sparse, in turns: timed here
with `--here`, else its instructions are counted on an emulated core (tests/benchmarks/instructions.py).
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import flatbuffers
import numpy as np
import torch
from ai_edge_litert import schema_py_generated as schema
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from evaluators.device.device import Task
from evaluators.runtimes.runtime import RUNTIMES
from evaluators.runtimes.settings import RuntimeSettings
from space.formats.format import FORMATS, Original
from space.networks.choose import network_named
from space.networks.mobilenet_v2.shape import STEM
from space.networks.network import unpruned
from space.pruning.weights import prune_weights
from tests.emulated.board import emulator
from tests.emulated.cores import CORES
from tests.emulated.counting import CountingError, counter
from tests.emulated.folder import UnavailableError
from tests.space.few_images import MEAN, PIXELS, STD

SPARSITIES = (0.5, 0.7, 0.8, 0.9)
# Rounds in which this machine runs each file once.
ROUNDS = 60


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", type=Path, nargs="*", metavar="FILE")
    parser.add_argument("--here", action="store_true", help="timed on this machine instead of counted on a core")
    parser.add_argument("--core", choices=[core.name for core in CORES], default=CORES[0].name)
    parser.add_argument("--runs", type=int, default=3, help="inferences that are counted, 3")
    options = parser.parse_args()
    torch.set_num_threads(1)
    with TemporaryDirectory() as folder:
        scratch = Path(folder)
        named = [(path.name, path.read_bytes()) for path in options.files] or ours(scratch)
        try:
            cost = timed if options.here else counted(options.core, options.runs, scratch)
            unit = "ms" if options.here else "instructions"
            heads = f"{unit + ', as it is':>26} {'sparse':>12}  answers"
            print(f"{'file':34} {'zeros':>6} {'bytes':>10} {'sparse':>10} {heads}")
            for name, dense in named:
                content, share = sparsely_written(dense)
                before, after = cost(dense, content)
                apart = float(abs(answers(dense) - answers(content)).max())
                print(f"{name:34} {share:6.2f} {len(dense):10,} {len(content):10,} {before:26,.4g} {after:12,.4g}  "
                      f"{f'{apart:.1e} apart' if apart else 'the same'}", flush=True)  # fmt: skip
        except (UnavailableError, CountingError) as error:
            print(error, file=sys.stderr)
            return 2
    return 0


def ours(folder: Path) -> Iterator[tuple[str, bytes]]:
    network = network_named("mobilenet_v2")
    recipe = unpruned(network)
    for title, halvings in (
        ("as in the study", recipe.halvings),
        ("halved at once", (STEM, *recipe.halvings[1:])),
    ):
        for sparsity in SPARSITIES:
            torch.manual_seed(0)
            model = network.built(recipe.widths, halvings, network.image, network.classes).eval()
            prune_weights(model, sparsity)
            path = folder / "network.tflite"
            FORMATS.get("tflite").write(Original(network=model, mean=MEAN, std=STD, pixels=PIXELS, metadata={}), path)
            yield f"MobileNetV2 {title}, {sparsity:g}", path.read_bytes()


def sparsely_written(content: bytes) -> tuple[bytes, float]:
    """The same file with its pointwise weights written without zeros, and padding as XNNPACK asks for; the share of
    zeros among them."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = model.subgraphs[0]
    codes = [code.builtinCode for code in model.operatorCodes]
    densify = schema.OperatorCodeT()
    densify.builtinCode = densify.deprecatedBuiltinCode = schema.BuiltinOperator.DENSIFY
    model.operatorCodes.append(densify)
    added, zeros, whole = [], 0, 0
    for operator in graph.operators:
        code = codes[operator.opcodeIndex]
        if code == schema.BuiltinOperator.PAD:
            _pad_all_sides(model, graph, operator)
        kernel = graph.tensors[operator.inputs[1]] if code == schema.BuiltinOperator.CONV_2D else None
        if kernel is None or list(kernel.shape[1:3]) != [1, 1]:
            continue
        weights = np.frombuffer(bytes(model.buffers[kernel.buffer].data), np.float32)
        weights = weights.reshape(kernel.shape[0], kernel.shape[3])
        zeros, whole = zeros + int((weights == 0).sum()), whole + weights.size
        # What no tensor reads any more is not written.
        model.buffers[kernel.buffer].data = None
        kernel.buffer = 0
        graph.tensors.append(_sparse(model, kernel, weights))
        added.append(_densified(len(model.operatorCodes) - 1, len(graph.tensors) - 1, operator.inputs[1]))
    graph.operators = [*added, *graph.operators]
    builder = flatbuffers.Builder(len(content))
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output()), zeros / max(whole, 1)


def _sparse(model: Any, kernel: Any, weights: NDArray[np.float32]) -> Any:
    """The kernel's rows as they are, in each the columns that hold something: compressed sparse rows."""
    rows, columns = np.nonzero(weights)
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(weights[rows, columns].tobytes(), np.uint8)
    model.buffers.append(buffer)
    tensor = schema.TensorT()
    tensor.shape, tensor.type, tensor.buffer = kernel.shape, kernel.type, len(model.buffers) - 1
    tensor.name = bytes(kernel.name) + b" without zeros"
    tensor.sparsity = schema.SparsityParametersT()
    tensor.sparsity.traversalOrder = np.arange(4, dtype=np.int32)
    tensor.sparsity.dimMetadata = [_dense(int(size)) for size in kernel.shape[:3]]
    compressed = schema.DimensionMetadataT()
    compressed.format = schema.DimensionType.SPARSE_CSR
    begins = np.searchsorted(rows, np.arange(len(weights) + 1))
    compressed.arraySegments, compressed.arrayIndices = _numbers(begins), _numbers(columns)
    compressed.arraySegmentsType = compressed.arrayIndicesType = schema.SparseIndexVector.Int32Vector
    tensor.sparsity.dimMetadata.append(compressed)
    return tensor


def _dense(size: int) -> Any:
    axis = schema.DimensionMetadataT()
    axis.format, axis.denseSize = schema.DimensionType.DENSE, size
    return axis


def _numbers(values: NDArray[Any]) -> Any:
    vector = schema.Int32VectorT()
    vector.values = values.astype(np.int32)
    return vector


def _densified(code: int, reads: int, writes: int) -> Any:
    operator = schema.OperatorT()
    operator.opcodeIndex = code
    operator.inputs, operator.outputs = np.array([reads], np.int32), np.array([writes], np.int32)
    operator.builtinOptionsType, operator.builtinOptions = (
        schema.BuiltinOptions.DensifyOptions,
        schema.DensifyOptionsT(),
    )
    return operator


def _pad_all_sides(model: Any, graph: Any, operator: Any) -> None:
    """Pads by one: what a window that takes every second place of an even side does not see changes no answer."""
    height, width, channels = graph.tensors[operator.inputs[0]].shape[1:]
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(np.array([[0, 0], [1, 1], [1, 1], [0, 0]], np.int32).tobytes(), np.uint8)
    model.buffers.append(buffer)
    graph.tensors[operator.inputs[1]].buffer = len(model.buffers) - 1
    graph.tensors[operator.outputs[0]].shape = np.array([1, height + 2, width + 2, channels], np.int32)


def timed(dense: bytes, sparse: bytes) -> tuple[float, float]:
    """Milliseconds of an inference, the fastest of many, each file in turn: others may use the machine."""
    running = [_ready(content) for content in (dense, sparse)]
    milliseconds: list[list[float]] = [[], []]
    for _ in range(ROUNDS):
        for interpreter, times in zip(running, milliseconds, strict=True):
            begun = time.perf_counter()
            interpreter.invoke()
            times.append(1e3 * (time.perf_counter() - begun))
    return min(milliseconds[0]), min(milliseconds[1])


def answers(content: bytes) -> NDArray[Any]:
    interpreter = _ready(content)
    interpreter.invoke()
    output: NDArray[Any] = interpreter.get_tensor(interpreter.get_output_details()[0]["index"])
    return output


def _ready(content: bytes) -> Any:
    interpreter = Interpreter(model_content=content, num_threads=1)
    interpreter.allocate_tensors()
    [image_input] = interpreter.get_input_details()
    image = np.moveaxis(PIXELS[:1], 1, -1) if image_input["shape"][-1] in (1, 3) else PIXELS[:1]
    interpreter.set_tensor(image_input["index"], image.astype(image_input["dtype"]))
    return interpreter


def counted(name: str, runs: int, scratch: Path) -> Callable[[bytes, bytes], tuple[float, float]]:
    """Instructions of an inference on the core of this name."""
    core = next(core for core in CORES if core.name == name)
    emulated = emulator()
    runtime = RUNTIMES.get("litert")
    sites: Sequence[Path] = [emulated.site_of(runtime)]
    counting = counter(emulated, core, scratch)
    images = scratch / "images.npy"
    np.save(images, PIXELS)

    def one(content: bytes) -> float:
        path = scratch / "counted.tflite"
        path.write_bytes(content)
        task = Task(model=path, images=images, runtime=RuntimeSettings(runtime=runtime.name))
        return counting.count(core, sites, task, runs, scratch).work.median

    return lambda dense, sparse: (one(dense), one(sparse))


if __name__ == "__main__":
    sys.exit(main())
