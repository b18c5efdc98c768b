"""Format: a kind of file that holds a deployed network; how one is written, quantized, checked, counted and read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from space.data.images import ImageShape
from space.registry import Registry

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from space.networks.prunable import Prunable
    from space.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Cost:
    weights: int
    macs: int
    operators: int
    file_bytes: int


@dataclass(frozen=True, slots=True)
class ImageInput:
    """The images that a file takes."""

    # The shape of an image; None: the file leaves it open, or takes no square image of one channel or three.
    shape: ImageShape | None
    # Images as bytes; else as floating-point numbers that whoever asks it has normalised.
    raw: bool
    # How those bytes become its numbers, as a person reads it.
    numbers: str = "as they are"
    # Where it takes whole numbers and says so: what the least and the greatest of them stand for.
    span: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """The network that a file is made of, and what goes into the file beside its weights."""

    network: "Prunable"
    mean: Sequence[float]
    std: Sequence[float]
    # Training images: they tell the ranges of activations, and what the file has to answer.
    pixels: "NDArray[np.uint8]"
    metadata: Mapping[str, str]


class Format(Protocol):
    """Describing itself takes no library; one is imported by who writes or reads a file."""

    @property
    def name(self) -> str: ...

    @property
    def title(self) -> str:
        """What a person calls it."""
        ...

    @property
    def suffix(self) -> str:
        """The ending of its files, the dot included."""
        ...

    @property
    def quantizations(self) -> tuple[str, ...]:
        """The quantizations it has, by their names in `space/formats/quantizations.py`, fp32 first."""
        ...

    def write(self, original: Original, path: Path) -> None:
        """Writes a file in fp32 that takes images as they are: uint8, N x channels x height x width."""
        ...

    def check(self, original: Original, path: Path) -> None:
        """CandidateError where the fp32 file does not answer as the network does."""
        ...

    def quantize(self, original: Original, recipe: "Recipe", path: Path) -> None:
        """Replaces the fp32 file by what the recipe says of it, fp32 included."""
        ...

    def doubt(self, recipe: "Recipe", path: Path, pixels: "NDArray[np.uint8]") -> str | None:
        """A warning where this machine answers otherwise than the arithmetic that the file spells out."""
        ...

    def cost(self, path: Path) -> Cost:
        """RequestError where the file is none of this format."""
        ...

    def image_input(self, path: Path) -> ImageInput:
        """RequestError where the file is none of this format."""
        ...

    def read_metadata(self, path: Path) -> dict[str, str]:
        """What was written beside the weights, read without a library. CandidateError where it is no such file."""
        ...


FORMATS: Registry[Format] = Registry(
    "format",
    "ondevice_search.formats",
    {"onnx": "space.formats.onnx.format:ONNX", "tflite": "space.formats.tflite.format:TFLITE"},
)
