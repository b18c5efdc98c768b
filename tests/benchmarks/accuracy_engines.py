"""Seconds that 10,000 answers take: by runtime, quantization and engine, a line each.

    python tests/benchmarks/accuracy_engines.py [FILE ...] [--data-dir DIR] [--images 10000]

FILEs are deployed ones, of any runtime; without them each runtime's files of two networks are made: untrained ones,
whose answers differ. DIR holds cifar-10-batches-py; without it the images are patches of colour, which take as long.

Engines: the runtime on one core, and on every core as the product asks it; and, for ONNX files, torch in batches where
this machine has an accelerator (--accelerator cpu: on the processor, a tenth of the images). Beside the seconds stands
the time of the processor, which other programs change less, and how many answers are those of one core.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import torch
from numpy.typing import NDArray

from evaluators.runtimes import cores
from evaluators.runtimes.onnx_runtime.onnx_in_torch import TorchGraph
from evaluators.runtimes.runtime import RUNTIMES, Runtime, runtime_of_file, version_here
from space.data.sources import Source, load
from space.formats.format import FORMATS
from space.networks.mobilenet_v1.network import HALVINGS, WIDTHS, MobileNetV1
from space.recipe import Recipe
from space.training.accelerator import accelerator
from tests.space.few_images import PIXELS, acquainted, original_of

Engine = Callable[[NDArray[np.uint8]], NDArray[np.int64]]

NETWORKS = {
    "16/24/96/128": ((16, 24, 96, 128, *[0] * 10), (0, 1, 2, 3)),
    "unpruned": (WIDTHS, HALVINGS),
}
PER = 10_000
# What is set up once on an accelerator: kernels, memory.
WARM_UP = 500


def files(folder: Path) -> Iterator[tuple[str, Runtime, Path]]:
    for name, (widths, halvings) in NETWORKS.items():
        torch.manual_seed(0)
        original = original_of(acquainted(MobileNetV1(widths, halvings)), PIXELS)
        for runtime in map(RUNTIMES.get, RUNTIMES.names()):
            if version_here(runtime) is None:
                continue
            form = FORMATS.get(runtime.format)
            for quantization in form.quantizations:
                file = folder / f"{name.replace('/', '-')}-{quantization}{form.suffix}"
                form.write(original, file)
                form.quantize(original, Recipe(widths=widths, halvings=halvings, quantization=quantization), file)
                yield f"{name}, {runtime.title}, {quantization}", runtime, file


def on(count: int, runtime: str, file: Path, pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """The runtime's own answers, as on a machine of so many cores."""
    usable, cores.usable = cores.usable, lambda: count
    try:
        return RUNTIMES.get(runtime).predictions(file, pixels)
    finally:
        cores.usable = usable


def timed(engine: Engine, pixels: NDArray[np.uint8]) -> tuple[float, float, NDArray[np.int64]]:
    """Seconds, and the processor's, for PER images, and the answers."""
    begun, cpu_begun = time.perf_counter(), time.process_time()
    answers = engine(pixels)
    scale = PER / len(pixels)
    return scale * (time.perf_counter() - begun), scale * (time.process_time() - cpu_begun), answers


def lines(name: str, runtime: Runtime, file: Path, pixels: NDArray[np.uint8], options: argparse.Namespace) -> None:
    expected: NDArray[np.int64] = np.empty(0, np.int64)
    for count in dict.fromkeys((1, cores.usable())):
        seconds, cpu_s, answers = timed(partial(on, count, runtime.name, file), pixels)
        expected = answers if count == 1 else expected
        say(name, f"{runtime.title} on {count} core{'s' * (count > 1)}", seconds, cpu_s, answers, expected)
    device = accelerator(options.accelerator)
    if file.suffix != ".onnx" or (device.type == "cpu" and options.accelerator != "cpu"):
        return
    fewer = pixels[:: 10 if device.type == "cpu" else 1]
    begun = time.perf_counter()
    graph = TorchGraph(file, device)
    graph.predictions(fewer[:WARM_UP])
    set_up_s = time.perf_counter() - begun
    seconds, cpu_s, answers = timed(graph.predictions, fewer)
    engine = f"torch {device.type}, set up in {set_up_s:.1f} s"
    say(name, engine, seconds, cpu_s, answers, expected[:: len(pixels) // len(fewer)])


def say(
    name: str, engine: str, seconds: float, worked: float, answers: NDArray[np.int64], expected: NDArray[np.int64]
) -> None:
    same = int((answers == expected).sum())
    print(
        f"{name}; {engine}: {seconds:.2f} s per {PER:,} ({worked:.2f} s of the processor), "
        f"{same:,} of {len(answers):,} answers the same",
        flush=True,
    )


def images(folder: Path | None, count: int) -> NDArray[np.uint8]:
    if folder:
        return load(Source("cifar10", folder)).test.pixels[:count]
    patches = np.random.default_rng(0).integers(0, 256, (count, 3, 8, 8), np.uint8)
    return patches.repeat(4, axis=2).repeat(4, axis=3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("files", metavar="FILE", type=Path, nargs="*")
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--images", type=int, default=10_000)
    parser.add_argument("--accelerator", default="auto")
    options = parser.parse_args()
    pixels = images(options.data_dir, options.images)
    with TemporaryDirectory() as folder:
        named = ((file.name, runtime_of_file(file), file) for file in options.files)
        for name, runtime, file in named if options.files else files(Path(folder)):
            lines(name, runtime, file, pixels, options)


if __name__ == "__main__":
    main()
