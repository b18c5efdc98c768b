"""Export: network -> TensorFlow Lite file, by what it computes in, the recipe inside its metadata.

It is written directly with the schema that LiteRT brings: a converter takes seconds for each network, and 2 GB.
"""

from collections.abc import Callable
from pathlib import Path

from space.files import written_whole
from space.formats.folded import Folded, folded
from space.formats.format import Original
from space.formats.integers import integers
from space.formats.tflite.floats import Floats
from space.formats.tflite.metadata import RAW
from space.formats.tflite.network import Network
from space.formats.tflite.whole import Whole
from space.recipe import Recipe


def export(original: Original, path: Path) -> None:
    """Writes the file in fp32."""
    network = _folded(original)
    _save(Network(network, Floats(network)), original, path)


def quantize(original: Original, recipe: Recipe, path: Path) -> None:
    """Replaces the fp32 file by the quantized one."""
    numbers = _NUMBERS[recipe.quantization]
    if numbers is not None:
        _save(numbers(_folded(original), original, recipe), original, path)


def _dynamic_int8(network: Folded, original: Original, recipe: Recipe) -> Network:
    return Network(network, Floats(network, dynamic=True))


def _static_int8(network: Folded, original: Original, recipe: Recipe) -> Network:
    whole = Whole(integers(network, original.pixels, equalize=recipe.equalized))
    return Network(whole.integers.network, whole)


_NUMBERS: dict[str, Callable[[Folded, Original, Recipe], Network] | None] = {
    "none": None,
    "dynamic_int8": _dynamic_int8,
    "static_int8": _static_int8,
}


def _folded(original: Original) -> Folded:
    return folded(original.network, original.mean, original.std)


def _save(network: Network, original: Original, path: Path) -> None:
    content = network.file({**original.metadata, RAW: "0 to 255"})
    with written_whole(path) as beside:
        beside.write_bytes(content)
