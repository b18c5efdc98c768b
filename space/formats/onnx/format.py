"""The ONNX format: what ONNX Runtime takes."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from space.formats.format import Cost, ImageInput, Original
from space.formats.quantizations import QUANTIZATIONS

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from space.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Onnx:
    name: str = "onnx"
    title: str = "ONNX"
    suffix: str = ".onnx"
    quantizations: tuple[str, ...] = ("none", "dynamic_uint8", "static_int8")

    def write(self, original: Original, path: Path) -> None:
        from space.formats.onnx.export import export

        export(original.network, path, mean=original.mean, std=original.std, metadata=original.metadata)

    def check(self, original: Original, path: Path) -> None:
        from space.formats.agreement import CHECKED
        from space.formats.onnx.export import check

        check(path, original.network, original.pixels[:CHECKED], original.mean, original.std)

    def quantize(self, original: Original, recipe: "Recipe", path: Path) -> None:
        from space.formats.onnx.quantization import quantize

        quantize(original, recipe, path)

    def doubt(self, recipe: "Recipe", path: Path, pixels: "NDArray[np.uint8]") -> str | None:
        """Ranges that are found anew for each image are not spelled out in the file."""
        if not QUANTIZATIONS[recipe.quantization].fixed_ranges:
            return None
        from space.formats.onnx.exactness import inexact

        return inexact(path, pixels)

    def cost(self, path: Path) -> Cost:
        from space.formats.onnx.cost import cost

        return cost(path)

    def image_input(self, path: Path) -> ImageInput:
        from space.formats.onnx.input import image_input

        return image_input(path)

    def read_metadata(self, path: Path) -> dict[str, str]:
        from space.formats.onnx.metadata import metadata

        return metadata(path)


ONNX = Onnx()
