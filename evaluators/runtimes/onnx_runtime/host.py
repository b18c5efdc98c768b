"""ONNX Runtime on this machine: a deployed file's answers, one image at a time as on the device."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from space.errors import CandidateError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

# Images between two reports of progress.
_STEP = 250


def predictions(
    path: Path, pixels: "NDArray[np.uint8]", progress: Callable[[float], None] = lambda share: None
) -> "NDArray[np.int64]":
    """The class the file says for each image.

    Dynamic quantization takes its ranges from the whole batch.
    """
    import numpy as np
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        name = session.get_inputs()[0].name

        def answer(position: int) -> int:
            return int(session.run(None, {name: pixels[position : position + 1]})[0].argmax())

        answers: list[int] = []
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            for begin in range(0, len(pixels), _STEP):
                answers += threads.map(answer, range(begin, min(begin + _STEP, len(pixels))))
                progress(len(answers) / len(pixels))
    # ONNX Runtime's own exceptions derive from RuntimeError or Exception, by version.
    except Exception as error:
        if type(error).__module__.startswith("onnxruntime") or isinstance(error, RuntimeError | ValueError):
            raise CandidateError(f"{path.name} does not run: {str(error).splitlines()[0][:200]}") from error
        raise
    return np.asarray(answers, dtype=np.int64)


def runtime_version() -> str:
    from importlib.metadata import version

    return version("onnxruntime")
