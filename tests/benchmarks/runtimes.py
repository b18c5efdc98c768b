"""Time of one network under every runtime, in turns in one process: from the image as bytes to the logits.

    python tests/benchmarks/runtimes.py [--rounds 21] [--seconds 0.2]

The network: stem 16, blocks 24, 96 and 128, the map halved in each; untrained, as latency does not depend on weights.
One thread. Each round times every line once, in another order. A line gives the median of its rounds' medians with
their quartiles, the course's own call beside it, and the median of its ratios to the first line. ONNX Runtime with
bound input and output, which nobody's script uses, is one of the lines.
"""

import argparse
import importlib.util
import random
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import onnxruntime
import torch

from evaluators.device.program.runner import Runner
from evaluators.runtimes.runtime import RUNTIMES, Runtime
from space.formats.format import FORMATS, Original
from space.networks.mobilenet_v1.network import MobileNetV1
from space.recipe import Recipe
from tests.benchmarks.formats import SHAPES

WIDTHS, HALVINGS = SHAPES["16/24/96/128, all halved"]
MEAN, STD = (0.49, 0.48, 0.45), (0.2, 0.2, 0.2)
# Runs between two looks at the clock.
BLOCK = 50
Call = Callable[[], object]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=21)
    parser.add_argument("--seconds", type=float, default=0.2, help="of each line in each round")
    options = parser.parse_args()
    images = np.random.default_rng(0).integers(0, 256, (64, 3, 32, 32), dtype=np.uint8)
    with TemporaryDirectory() as folder:
        lines, course = calls(Path(folder), images)
        took: dict[str, list[float]] = {name: [] for name in lines}
        for call in lines.values():
            timed(call, options.seconds)
        for _ in range(options.rounds):
            for name in random.sample(list(lines), len(lines)):
                took[name].append(timed(lines[name], options.seconds))
        first = next(iter(lines))
        for name, seconds in took.items():
            low, middle, high = (1e6 * quartile for quartile in statistics.quantiles(seconds, n=4))
            ratio = statistics.median(mine / other for mine, other in zip(seconds, took[first], strict=True))
            alone = f", {1e6 * course[name]():.2f} by the course's call" if name in course else ""
            print(f"{name}: {middle:.2f} us ({low:.2f} to {high:.2f}, n {len(seconds)}){alone}; {ratio:.3f} of {first}")


def calls(folder: Path, images: Any) -> tuple[Mapping[str, Call], Mapping[str, Callable[[], float]]]:
    """What is timed, ONNX Runtime in fp32 first; and of some lines what the course's script would count."""
    torch.manual_seed(0)
    model = MobileNetV1(WIDTHS, HALVINGS).eval()
    lines: dict[str, Call] = {}
    course: dict[str, Callable[[], float]] = {}
    for runtime in map(RUNTIMES.get, RUNTIMES.names()):
        file_format = FORMATS.get(runtime.format)
        for quantization in file_format.quantizations:
            recipe = Recipe(widths=WIDTHS, halvings=HALVINGS, quantization=quantization, runtime=runtime.name)
            path = folder / f"{runtime.name}-{quantization}{file_format.suffix}"
            original = Original(network=model, mean=MEAN, std=STD, pixels=images, metadata={})
            file_format.write(original, path)
            file_format.quantize(original, recipe, path)
            runner = loaded(runtime, path, images.shape[1:])
            name = f"{runtime.title} {quantization}"
            lines[name], course[name] = whole(runner, images), alone(runner, images)
    lines["ONNX Runtime none, bound input and output"] = bound(folder / "onnxruntime-none.onnx", images)
    return lines, course


def loaded(runtime: Runtime, path: Path, shape: tuple[int, ...]) -> Runner:
    """The session as the on-device program loads it."""
    spec = importlib.util.spec_from_file_location(runtime.name, runtime.part)
    assert spec is not None
    assert spec.loader is not None
    part = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(part)
    settings = {"threads": 1, "spinning": False, "graph_optimization": "all", "mean": None, "std": None}
    runner: Runner = part.load({"model": str(path), **settings}, shape)
    return runner


def whole(runner: Runner, images: Any) -> Call:
    feed = runner.feeds(images[:1], {"mean": None, "std": None})[0]
    run, outputs = runner.run, runner.outputs
    return lambda: run(outputs, feed)


def alone(runner: Runner, images: Any) -> Callable[[], float]:
    """Seconds, the median over the images."""
    feeds = runner.feeds(images, {"mean": None, "std": None})
    return lambda: statistics.median(1e-9 * runner.timed_as_in_the_course(feed)[0] for feed in feeds * 10)


def bound(path: Path, images: Any) -> Call:
    """Memory that the session reads and writes, the image copied in and the logits out each time."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    buffer, logits = images[:1].copy(), np.empty((1, 10), np.float32)
    binding = session.io_binding()
    for bind, value, array in (
        (binding.bind_input, session.get_inputs()[0], buffer),
        (binding.bind_output, session.get_outputs()[0], logits),
    ):
        bind(value.name, "cpu", 0, array.dtype, array.shape, array.ctypes.data)
    image = images[:1]

    def run() -> object:
        np.copyto(buffer, image)
        session.run_with_iobinding(binding)
        return logits.copy()

    return run


def timed(call: Call, seconds: float) -> float:
    """Seconds of one call: the median over blocks."""
    blocks = []
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        begun = time.perf_counter()
        for _ in range(BLOCK):
            call()
        blocks.append((time.perf_counter() - begun) / BLOCK)
    return statistics.median(blocks)


if __name__ == "__main__":
    main()
