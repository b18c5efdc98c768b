"""LiteRT on this machine: a deployed file's answers, one image at a time as on the device."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from evaluators.runtimes.cores import one_by_one
from evaluators.runtimes.runtime import quiet
from space.errors import CandidateError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evaluators.runtimes.cores import Answering


def predictions(
    path: Path, pixels: "NDArray[np.uint8]", progress: Callable[[float], None] = quiet
) -> "NDArray[np.int64]":
    """The class the file says for each image: as the on-device program has it answered."""
    from evaluators.device.program.answers import ModelError, one_line

    try:
        return one_by_one(lambda: _interpreter(path, pixels.shape[1:]), pixels, progress)
    except ModelError as error:
        raise CandidateError(f"{path.name} does not run: {error}") from error
    # The interpreter's failures have no type of their own.
    except (RuntimeError, ValueError) as error:
        raise CandidateError(f"{path.name} does not run: {one_line(error)[:200]}") from error


def _interpreter(path: Path, image: tuple[int, ...]) -> "Answering":
    from evaluators.runtimes.litert import on_board
    from space.formats.tflite.quiet import quietly

    request = {"model": str(path), "threads": 1, "mean": None, "std": None}
    with quietly():
        runner = on_board.load(request, image)

    def answering(images: "NDArray[np.uint8]") -> list[int]:
        return [int(runner.logits(runner.run(None, feed)).argmax()) for feed in runner.feeds(images, request)]

    return answering
