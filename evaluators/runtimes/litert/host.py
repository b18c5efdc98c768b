"""LiteRT on this machine: a deployed file's answers, one image at a time as on the device."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from space.errors import CandidateError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evaluators.device.program.runner import Feed, Runner

# Images between two reports of progress.
_STEP = 250


def predictions(
    path: Path, pixels: "NDArray[np.uint8]", progress: Callable[[float], None] = lambda share: None
) -> "NDArray[np.int64]":
    """The class the file says for each image: as the on-device program has it answered."""
    import numpy as np

    from evaluators.device.program.answers import ModelError, one_line
    from evaluators.runtimes.litert import on_board
    from space.formats.tflite.quiet import quietly

    request = {"model": str(path), "threads": 1, "mean": None, "std": None}
    local = threading.local()

    def runner() -> "Runner":
        """An interpreter has room for one image, so each thread has one of its own."""
        if not hasattr(local, "runner"):
            with quietly():
                local.runner = on_board.load(request, pixels.shape[1:])
        loaded: Runner = local.runner
        return loaded

    def answer(feed: "Feed") -> int:
        return int(runner().logits(runner().run(None, feed)).argmax())

    answers: list[int] = []
    try:
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            for begin in range(0, len(pixels), _STEP):
                answers += threads.map(answer, runner().feeds(pixels[begin : begin + _STEP], request))
                progress(len(answers) / len(pixels))
    except ModelError as error:
        raise CandidateError(f"{path.name} does not run: {error}") from error
    # The interpreter's failures have no type of their own.
    except (RuntimeError, ValueError) as error:
        raise CandidateError(f"{path.name} does not run: {one_line(error)[:200]}") from error
    return np.asarray(answers, dtype=np.int64)
