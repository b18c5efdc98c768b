"""LiteRT as a Runtime."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evaluators.runtimes.litert import releases
from evaluators.runtimes.runtime import Answered, Release, version_here
from evaluators.runtimes.settings import RuntimeSettings
from space.formats.tflite.target import LiteRtTarget

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evaluators.runtimes.runtime import Accelerator

_FOLDER = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class LiteRt(LiteRtTarget):
    distribution: str = "ai-edge-litert"
    distributions: tuple[str, ...] = ("ai-edge-litert", "tflite-runtime")
    module: str = "ai_edge_litert"
    # The marker of the dependency in pyproject.toml names the same systems.
    published_for: tuple[str, ...] = ("linux x86_64", "linux aarch64", "darwin arm64")
    part: Path = _FOLDER / "on_board.py"
    script: Path = _FOLDER / "model_runtime.py"
    call: str = "the image as bytes to the logits: set_tensor(), invoke(), get_tensor()"
    course_call: str = "interpreter.invoke()"
    probe: Path = _FOLDER / "convolution.py"
    room_kb: int = 300_000
    oldest_python: tuple[int, int] = releases.OLDEST_PYTHON

    def answers(
        self, path: Path, pixels: "NDArray[np.uint8]", progress: Callable[[float], None], device: "Accelerator | None"
    ) -> Answered:
        """The answers are LiteRT's, on a machine with a GPU too: the files are small, and its kernels round in a way of
        their own."""
        from evaluators.runtimes.litert.host import predictions

        return Answered(predictions(path, pixels, progress), f"LiteRT {version_here(self)}, CPU")

    def predictions(self, path: Path, pixels: "NDArray[np.uint8]") -> "NDArray[np.int64]":
        from evaluators.runtimes.litert.host import predictions

        return predictions(path, pixels)

    def tried(self, threads: int) -> Sequence[RuntimeSettings]:
        """Every number of threads."""
        return [RuntimeSettings(threads=count, runtime=self.name) for count in range(1, threads + 1)]

    def tuned(self, threads: int) -> Sequence[RuntimeSettings]:
        return self.tried(threads)

    def releases(self, python: tuple[int, int]) -> Sequence[Release]:
        return releases.releases_for(python)

    def usable(self, version: str) -> bool:
        return True


LITERT = LiteRt()
