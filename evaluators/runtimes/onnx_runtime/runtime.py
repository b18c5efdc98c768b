"""ONNX Runtime as a Runtime."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from evaluators.runtimes.onnx_runtime import releases
from evaluators.runtimes.runtime import Answered, Release
from evaluators.runtimes.settings import RuntimeSettings
from space.formats.onnx.target import OnnxRuntimeTarget

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evaluators.runtimes.runtime import Accelerator

_FOLDER = Path(__file__).parent
# How far the graph is rewritten: "all" also lays the weights out for the processor's own kernels.
GRAPH_OPTIMIZATIONS = ("all", "extended")


@dataclass(frozen=True, slots=True)
class OnnxRuntime(OnnxRuntimeTarget):
    distribution: str = "onnxruntime"
    distributions: tuple[str, ...] = ("onnxruntime",)
    module: str = "onnxruntime"
    published_for: tuple[str, ...] = ()
    part: Path = _FOLDER / "on_board.py"
    script: Path = _FOLDER / "model_runtime.py"
    call: str = "session.run()"
    course_call: str = "sess.run"
    probe: Path = _FOLDER / "convolution.py"
    room_kb: int = 600_000
    oldest_python: tuple[int, int] = releases.OLDEST_PYTHON

    def answers(
        self, path: Path, pixels: "NDArray[np.uint8]", progress: Callable[[float], None], device: "Accelerator | None"
    ) -> Answered:
        from evaluators.runtimes.onnx_runtime.engine import answers

        return answers(path, pixels, progress, device)

    def predictions(self, path: Path, pixels: "NDArray[np.uint8]") -> "NDArray[np.int64]":
        from evaluators.runtimes.onnx_runtime.host import predictions

        return predictions(path, pixels)

    def tried(self, threads: int) -> Sequence[RuntimeSettings]:
        """Every number of threads, with spinning and without."""
        return [
            RuntimeSettings(threads=count, spinning=spinning, runtime=self.name)
            for count in range(1, threads + 1)
            for spinning in ((False, True) if count > 1 else (False,))
        ]

    def tuned(self, threads: int) -> Sequence[RuntimeSettings]:
        """Threads x spinning x graph optimization."""
        return [
            replace(settings, graph_optimization=optimization)
            for settings in self.tried(threads)
            for optimization in GRAPH_OPTIMIZATIONS
        ]

    def releases(self, python: tuple[int, int]) -> Sequence[Release]:
        return releases.releases_for(python)

    def usable(self, version: str) -> bool:
        return version != releases.UNUSABLE


ONNX_RUNTIME = OnnxRuntime()
