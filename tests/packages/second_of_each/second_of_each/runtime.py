"""A second runtime: ONNX Runtime under another name, which heeds the number of threads alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from evaluators.runtimes.onnx_runtime.runtime import OnnxRuntime
from evaluators.runtimes.settings import RuntimeSettings

_PART = Path(__file__).with_name("runtime_on_board.py")


@dataclass(frozen=True, slots=True)
class SecondRuntime(OnnxRuntime):
    name: str = "second_runtime"
    title: str = "Second Runtime"
    settings: tuple[str, ...] = ("threads",)
    part: Path = _PART

    def tried(self, threads: int) -> Sequence[RuntimeSettings]:
        return [RuntimeSettings(threads=count, runtime=self.name) for count in range(1, threads + 1)]

    def tuned(self, threads: int) -> Sequence[RuntimeSettings]:
        return self.tried(threads)


SECOND_RUNTIME = SecondRuntime()
