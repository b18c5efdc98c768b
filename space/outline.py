"""Outline: a recipe's file with weights that nobody trained; its latency, energy and memory are the trained one's."""

from pathlib import Path

import torch

from space.files import written_whole
from space.formats.format import Original
from space.formats.target import format_of
from space.networks.choose import built
from space.recipe import Recipe
from space.workshop import Workshop


def outline(recipe: Recipe, workshop: Workshop) -> Path:
    file_format = format_of(recipe)
    path = workshop.outline(recipe, file_format.suffix)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = built(recipe, workshop.data.shape, workshop.data.classes).eval()
    original = Original(
        network=model,
        mean=workshop.mean(recipe),
        std=workshop.baseline.std,
        pixels=workshop.data.train.pixels,
        metadata={"structure_id": recipe.structure_id},
    )
    with written_whole(path) as beside:
        file_format.write(original, beside)
        file_format.quantize(original, recipe, beside)
    return path
