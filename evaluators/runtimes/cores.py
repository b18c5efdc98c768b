"""Cores of this machine, each answering images one at a time, as the device does.

Threads, not processes: a runtime lets go of Python's lock while it works, what holds the lock takes a few microseconds
per image, and a process needs as long to load a runtime as a small network needs for 5,000 to 10,000 images.
"""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from evaluators.runtimes.runtime import quiet
from space.threads import usable_cores, usual_threads

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    # The class of each image of a piece.
    Answering = Callable[[NDArray[np.uint8]], Sequence[int]]

# Images of a piece at most: between two reports of progress, and what is still answered after Ctrl-C.
_PIECE = 125
# Pieces for each core, so that none waits long for the last one's.
_PIECES = 4


def usable() -> int:
    """Cores that this process may run on, and those of them that are left to it where several train side by side."""
    return min(usable_cores(), usual_threads())


def one_by_one(
    loaded: "Callable[[], Answering]", pixels: "NDArray[np.uint8]", progress: Callable[[float], None] = quiet
) -> "NDArray[np.int64]":
    """The class said for each image; every thread loads the file for itself, as an interpreter has room for one."""
    import numpy as np

    cores, local = usable(), threading.local()

    def answers(piece: "NDArray[np.uint8]") -> Sequence[int]:
        if not hasattr(local, "answering"):
            local.answering = loaded()
        answering: Answering = local.answering
        return answering(piece)

    size = max(1, min(_PIECE, len(pixels) // (cores * _PIECES)))
    pieces = [pixels[begin : begin + size] for begin in range(0, len(pixels), size)]
    answered: list[int] = []
    threads = ThreadPoolExecutor(cores)
    try:
        for piece in threads.map(answers, pieces):
            answered += piece
            progress(len(answered) / len(pixels))
    finally:
        threads.shutdown(cancel_futures=True)
    return np.asarray(answered, dtype=np.int64)
