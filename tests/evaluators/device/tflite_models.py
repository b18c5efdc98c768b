"""Networks as TensorFlow Lite files, as our own exports write them, and what is left of one that is damaged."""

from pathlib import Path

from space.formats.format import Original
from space.formats.quantizations import NONE
from space.formats.target import format_of
from space.recipe import Recipe
from tests.conftest import NARROW
from tests.contracts.runtime import HALVINGS, network, patches
from tests.space.few_images import MEAN, STD


def write_network(path: Path, quantization: str = NONE) -> Path:
    """An untrained network that tells images apart by their colours."""
    recipe = Recipe(widths=NARROW, halvings=HALVINGS, quantization=quantization, runtime="litert")
    pixels = patches()
    original = Original(
        network=network(pixels), mean=MEAN, std=STD, pixels=pixels, metadata={"recipe": recipe.to_json()}
    )
    file_format = format_of(recipe)
    file_format.write(original, path)
    file_format.quantize(original, recipe, path)
    return path
