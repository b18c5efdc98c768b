"""Outline: a recipe's file with weights that nobody trained; its latency, energy and memory are the trained one's."""

from pathlib import Path

import torch

from space.files import written_whole
from space.formats.onnx.export import export
from space.formats.onnx.quantization import quantize
from space.networks.choose import network_of
from space.recipe import Recipe
from space.workshop import Workshop


def outline(recipe: Recipe, workshop: Workshop) -> Path:
    path = workshop.outline(recipe)
    described = {"structure_id": recipe.structure_id}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = network_of(recipe)
        model = network.built(recipe.widths, recipe.halvings, workshop.data.shape, workshop.data.classes).eval()
    with written_whole(path) as beside:
        export(model, beside, mean=workshop.mean(recipe), std=workshop.baseline.std, metadata=described)
        quantize(beside, recipe, workshop.data.train.pixels, described)
    return path
