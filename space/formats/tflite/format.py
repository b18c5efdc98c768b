"""The TensorFlow Lite format: what LiteRT takes."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from space.formats.format import Cost, ImageInput, Original

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from space.recipe import Recipe


@dataclass(frozen=True, slots=True)
class TfLite:
    name: str = "tflite"
    title: str = "TensorFlow Lite"
    suffix: str = ".tflite"
    quantizations: tuple[str, ...] = ("none", "dynamic_int8", "static_int8")

    def write(self, original: Original, path: Path) -> None:
        from space.formats.tflite.export import export

        export(original, path)

    def check(self, original: Original, path: Path) -> None:
        from space.formats.tflite.check import check

        check(original, path)

    def quantize(self, original: Original, recipe: "Recipe", path: Path) -> None:
        from space.formats.tflite.export import quantize

        quantize(original, recipe, path)

    def doubt(self, recipe: "Recipe", path: Path, pixels: "NDArray[np.uint8]") -> str | None:
        """There is no doubt: XNNPACK sums products of 8 bits in 32 on every processor."""
        return None

    def cost(self, path: Path) -> Cost:
        from space.formats.tflite.cost import cost

        return cost(path)

    def image_input(self, path: Path) -> ImageInput:
        from space.formats.tflite.input import image_input

        return image_input(path)

    def read_metadata(self, path: Path) -> dict[str, str]:
        from space.formats.tflite.metadata import metadata

        return metadata(path)


TFLITE = TfLite()
