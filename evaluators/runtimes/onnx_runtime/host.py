"""ONNX Runtime on this machine: a deployed file's answers, one image at a time as on the device."""

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
    """The class the file says for each image."""
    try:
        return one_by_one(lambda: _session(path), pixels, progress)
    # ONNX Runtime's own exceptions derive from RuntimeError or Exception, by version.
    except Exception as error:
        if type(error).__module__.startswith("onnxruntime") or isinstance(error, RuntimeError | ValueError):
            raise CandidateError(f"{path.name} does not run: {str(error).splitlines()[0][:200]}") from error
        raise


def _session(path: Path) -> "Answering":
    """A session for one image at a time: dynamic quantization takes its ranges from the whole batch."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    run, name = session.run, session.get_inputs()[0].name

    def answering(images: "NDArray[np.uint8]") -> list[int]:
        return [int(run(None, {name: images[place : place + 1]})[0].argmax()) for place in range(len(images))]

    return answering


def runtime_version() -> str:
    from importlib.metadata import version

    return version("onnxruntime")
