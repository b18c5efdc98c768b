"""What deployed files answer beside the network that they were made of, by runtime and quantization.

    python tests/benchmarks/formats.py DATA_DIR BASELINE FOLDER [--epochs 3] [--images 1000]

DATA_DIR holds cifar-10-batches-py; BASELINE is a checkpoint of the unpruned network. FOLDER keeps what was trained: run
again, it goes on. Five networks, the unpruned one and four of the search's kind, fine-tuned. For each: the largest
difference between the fp32 file's logits and torch's on the first test images, in units of the largest logit where that
is above one; and on all test images the accuracy of each quantization, by the runtime itself.
"""

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from evaluators.runtimes.runtime import RUNTIMES, Runtime
from search.building.tasks import import_baseline
from space.baseline import baseline_recipe
from space.build import build
from space.data.augmentation import normalise
from space.data.images import DataSet
from space.data.sources import Source, load
from space.formats.format import FORMATS
from space.formats.quantizations import NONE
from space.recipe import Recipe
from space.trained import trained
from space.workshop import Workshop
from tests.space.logits import logits_of

# Widths of the fourteen units, and those in which the map is halved.
SHAPES = {
    "16/24/96/128, all halved": ((16, 24, 96, 128, *[0] * 10), (0, 1, 2, 3)),
    "16/24/48/48/80": ((16, 24, 48, 0, 0, 0, 48, 0, 0, 0, 0, 0, 80, 0), (0, 2, 12)),
    "32/32/64/128": ((32, 32, 64, 0, 0, 0, 128, *[0] * 7), (0, 2, 6)),
    "a quarter of each": ((8, 16, 32, 32, 64, 64, 128, 128, 128, 128, 128, 128, 256, 256), (2, 4, 6, 12)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("baseline", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--images", type=int, default=1000, help="whose logits are compared")
    options = parser.parse_args()
    source = Source("cifar10", options.data_dir)
    data = load(source)
    workshop = Workshop(options.folder, import_baseline(options.folder, source, options.baseline), data)
    unpruned = baseline_recipe()
    pruned = {
        name: Recipe(widths=widths, halvings=halvings, epochs=options.epochs)
        for name, (widths, halvings) in SHAPES.items()
    }
    for name, recipe in {"unpruned": unpruned, **pruned}.items():
        for runtime in map(RUNTIMES.get, RUNTIMES.names()):
            compare(name, replace(recipe, runtime=runtime.name), runtime, workshop, data, options.images)


def compare(name: str, recipe: Recipe, runtime: Runtime, workshop: Workshop, data: DataSet, images: int) -> None:
    exact = 0.0
    for quantization in FORMATS.get(runtime.format).quantizations:
        candidate = build(replace(recipe, quantization=quantization), workshop, lambda what, share: None)
        answers = runtime.answers(candidate.file, data.test.pixels, lambda share: None, None)
        share = float((answers.predictions == data.test.labels).mean())
        line = f"{name}, {runtime.title}, {quantization}: {100 * share:.2f} % on test"
        if quantization == NONE:
            exact = share
            pixels = data.test.pixels[:images]
            line += f", logits within {difference(candidate.file, recipe, pixels, workshop):.1e} of torch's"
        else:
            line += f", {100 * (share - exact):+.2f} points"
        print(line, flush=True)


def difference(file: Path, recipe: Recipe, pixels: NDArray[np.uint8], workshop: Workshop) -> float:
    model = trained(recipe, workshop, lambda what, share: None).model
    with torch.inference_mode():
        images = normalise(torch.from_numpy(pixels), workshop.mean(recipe), workshop.baseline.std)
        expected = model(images).numpy()
    return float(np.abs(logits_of(file, pixels) - expected).max() / max(1.0, np.abs(expected).max()))


if __name__ == "__main__":
    main()
