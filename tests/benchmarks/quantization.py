"""Prints what static int8 costs in accuracy, by format: fp32 against plain and equalized files, on validation or test.

python tests/benchmarks/quantization.py DATA_DIR MODEL... [--test] [--architecture NAME] [--data NAME] [--runtimes ...]

A MODEL is a checkpoint of an unpruned network, as `python -m search baseline` leaves one in a store's baselines/: the
JSON beside it says architecture, data set, mean and std, where no option does. DATA_DIR holds the data set's files.
Standard errors of a difference are those of the same images answered twice.
"""

import argparse
import math
import time
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from evaluators.runtimes.runtime import RUNTIMES
from space.baseline import read_description
from space.checkpoint import read_checkpoint
from space.data.choose import data_set_named
from space.data.images import DataSet, Images
from space.data.sources import Source, load
from space.formats.format import Original
from space.formats.target import format_for
from space.networks.choose import network_named
from space.networks.names import DEFAULT
from space.networks.network import Network, unpruned

# Images whose answers are compared between integer kernels and exact arithmetic.
ANSWERED = 500


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("models", type=Path, nargs="+")
    parser.add_argument("--architecture", help="else that of the JSON beside a model, else " + DEFAULT)
    parser.add_argument("--data", help="else that of the JSON beside a model, else cifar10")
    parser.add_argument("--runtimes", nargs="+", default=list(RUNTIMES.own), help="default: all of our own")
    parser.add_argument("--test", action="store_true", help="on the test images")
    options = parser.parse_args()
    for model in options.models:
        described = read_description(model)
        network = network_named(options.architecture or described.get("architecture", DEFAULT))
        data = found(options.data or described.get("data", "cifar10"), options.data_dir, parser)
        original = original_of(model, network, data)
        for runtime in options.runtimes:
            with TemporaryDirectory() as scratch:
                compare(f"{model.name}, {network.title}", original, network, Path(scratch), data, runtime, options.test)


def found(name: str, data_dir: Path, parser: argparse.ArgumentParser) -> DataSet:
    collection = data_set_named(name)
    folder = collection.find(data_dir)
    if folder is None and not collection.generated:
        parser.error(f"{data_dir} holds no {collection.files}")
    return load(Source(name, folder))


def original_of(model: Path, network: Network, data: DataSet) -> Original:
    described = read_description(model)
    return Original(
        network=read_checkpoint(model, network, data.shape, data.classes),
        mean=described.get("mean", data.mean),
        std=described.get("std", data.std),
        pixels=data.train.pixels,
        metadata={},
    )


def compare(
    title: str, original: Original, network: Network, scratch: Path, data: DataSet, runtime: str, test: bool
) -> None:
    file_format, images = format_for(runtime), data.test if test else data.validation
    path = scratch / f"model{file_format.suffix}"
    file_format.write(original, path)
    before = right(runtime, path, images)
    print(
        f"{title}, {file_format.title}: {file_format.cost(path).macs / 1e6:.2f} M MACs, fp32 "
        f"{100 * before.mean():.2f} % of {len(before):,} images of {'test' if test else 'validation'}, "
        f"standard error {100 * before.std() / math.sqrt(len(before)):.2f}"
    )
    plain = replace(unpruned(network), quantization="static_int8", runtime=runtime)
    for recipe in (plain, replace(plain, equalized=True)):
        file_format.write(original, path)
        started = time.perf_counter()
        file_format.quantize(original, recipe, path)
        seconds = time.perf_counter() - started
        after = right(runtime, path, images)
        lost = before.astype(int) - after
        kind, error = "equalized" if recipe.equalized else "plain", lost.std() / math.sqrt(len(lost))
        print(f"  {kind:<9}  {100 * after.mean():.2f} %  {-100 * lost.mean():+5.2f} ± {100 * error:.2f} points", end="")
        print(f"   {seconds:4.1f} s", flush=True)
        doubt = file_format.doubt(recipe, path, data.validation.pixels[:ANSWERED])
        print(f"  {doubt or 'integer kernels answer as exact arithmetic does, as far as this format is asked'}")


def right(runtime: str, path: Path, images: Images) -> NDArray[np.bool_]:
    return RUNTIMES.get(runtime).predictions(path, images.pixels) == images.labels


if __name__ == "__main__":
    main()
