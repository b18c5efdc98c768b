"""Prints what static int8 costs in accuracy: fp32 against plain and equalized files, on validation.

python tests/benchmarks/quantization.py DATA_DIR MODEL... [--test]

DATA_DIR holds cifar-10-batches-py. A MODEL is a checkpoint of the unpruned network. With --test: on the test images,
plain alone. Standard errors are those of the difference, the same images answered twice.
"""

import argparse
import math
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from evaluators.runtimes.onnx_runtime.host import predictions
from space.baseline import read_description
from space.checkpoint import read_checkpoint
from space.data.cifar10 import CIFAR10, load_cifar10
from space.data.images import DataSet, Images
from space.formats.format import Original
from space.formats.onnx.cost import cost
from space.formats.onnx.exactness import inexact
from space.formats.onnx.export import export
from space.formats.onnx.quantization import quantize
from space.networks.mobilenet_v1.description import MOBILENET_V1
from space.networks.mobilenet_v1.shape import HALVINGS, WIDTHS
from space.recipe import Recipe
from tests.space.few_images import MEAN, STD


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--test", action="store_true")
    options = parser.parse_args()
    folder = CIFAR10.find(options.data_dir)
    if folder is None:
        parser.error(f"{options.data_dir} holds no {CIFAR10.files}")
    data = load_cifar10(folder)
    for model in options.models:
        with TemporaryDirectory() as scratch:
            compare(model, Path(scratch), data, options.test)


def compare(model: Path, scratch: Path, data: DataSet, test: bool) -> None:
    fp32 = scratch / "fp32.onnx"
    described, network = read_description(model), read_checkpoint(model, MOBILENET_V1)
    mean, std = described.get("mean", MEAN), described.get("std", STD)
    original = Original(network=network, mean=mean, std=std, pixels=data.train.pixels, metadata={})
    export(network, fp32, mean=mean, std=std, metadata={})
    images = data.test if test else data.validation
    plain = Recipe(widths=WIDTHS, halvings=HALVINGS, quantization="static_int8")
    before = right(fp32, images)
    print(f"{model.name}: {cost(fp32).macs / 1e6:.2f} M MACs, fp32 {100 * before.mean():.2f} % of {len(before):,}")
    for recipe in (plain,) if test else (plain, replace(plain, equalized=True)):
        int8 = scratch / "int8.onnx"
        started = time.perf_counter()
        quantize(original, recipe, int8)
        seconds = time.perf_counter() - started
        lost = before.astype(int) - right(int8, images)
        print(
            f"  {'equalized' if recipe.equalized else 'plain':<9}  {-100 * lost.mean():+5.2f} "
            f"± {100 * lost.std() / math.sqrt(len(lost)):.2f} points   {seconds:4.1f} s",
            flush=True,
        )
    print(f"  {inexact(int8, data.validation.pixels[:500]) or 'integer kernels answer as exact arithmetic does'}")


def right(path: Path, images: Images) -> NDArray[np.bool_]:
    return predictions(path, images.pixels) == images.labels


if __name__ == "__main__":
    main()
