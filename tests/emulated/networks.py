"""The networks that emulated cores run, untrained: neither the agreement of answers nor a count depends on training."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from space.formats.format import Original
from space.formats.target import format_of
from space.networks.mobilenet_v1.network import MobileNetV1
from space.networks.mobilenet_v1.shape import HALVINGS, WIDTHS
from space.recipe import Recipe
from tests.space.few_images import MEAN, PIXELS, STD, acquainted

# The unpruned one, and one of those that win: four of the fourteen units, the image halved in each.
NETWORKS = {
    "unpruned": Recipe(widths=WIDTHS, halvings=HALVINGS),
    "16/24/96/128": Recipe(widths=(16, 24, 96, 128, *(0,) * 10), halvings=(0, 1, 2, 3)),
}
SMALL = NETWORKS["16/24/96/128"]


def written(recipe: Recipe, runtime: str, quantization: str, folder: Path) -> Path:
    """The file, as `build` makes it."""
    torch.manual_seed(0)
    network = acquainted(MobileNetV1(recipe.widths, recipe.halvings).eval())
    recipe = replace(recipe, runtime=runtime, quantization=quantization)
    file_format = format_of(recipe)
    path = folder / f"{runtime}-{recipe.structure_id}-{quantization}{file_format.suffix}"
    original = Original(network=network, mean=MEAN, std=STD, pixels=PIXELS, metadata={"recipe": recipe.to_json()})
    file_format.write(original, path)
    file_format.quantize(original, recipe, path)
    return path


def images(folder: Path) -> Path:
    path = folder / "images.npy"
    np.save(path, PIXELS)
    return path
