"""Seconds that a file's answers to the test images take: ONNX Runtime one image at a time, and torch in batches.

    python tests/benchmarks/accuracy_engines.py MODEL.onnx [DATA_DIR] [--images 10000]

DATA_DIR holds cifar-10-batches-py; without it the images are noise, which takes as long. torch runs on the CPU and on
the accelerator, if there is one; whatever it answers is compared with what ONNX Runtime answers.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from evaluators.runtimes.onnx_runtime.host import predictions
from evaluators.runtimes.onnx_runtime.onnx_in_torch import TorchGraph
from space.data.sources import Source, load
from space.training.accelerator import accelerator


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", type=Path)
    parser.add_argument("data_dir", type=Path, nargs="?")
    parser.add_argument("--images", type=int, default=10_000)
    options = parser.parse_args()
    if options.data_dir:
        pixels = load(Source("cifar10", options.data_dir)).test.pixels[: options.images]
    else:
        pixels = np.random.default_rng(0).integers(0, 256, (options.images, 3, 32, 32), np.uint8)
    begun = time.perf_counter()
    expected = predictions(options.model, pixels)
    print(f"ONNX Runtime, one at a time: {time.perf_counter() - begun:.2f} s for {len(pixels):,} images")
    for device in dict.fromkeys((torch.device("cpu"), accelerator())):
        begun = time.perf_counter()
        graph = TorchGraph(options.model, device)
        # What is set up once: kernels, memory.
        graph.predictions(pixels[:250])
        ready = time.perf_counter()
        same = (graph.predictions(pixels) == expected).mean()
        print(
            f"torch {device.type}, {torch.get_num_threads()} threads, in batches: {time.perf_counter() - ready:.2f} s "
            f"(set up in {ready - begun:.2f} s), {100 * same:.2f} % of the answers the same"
        )


if __name__ == "__main__":
    main()
