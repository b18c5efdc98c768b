"""Accuracy: share of right answers of the deployed file on a split."""

import os
import platform
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evaluators.measurement import Accuracy
from space.errors import CandidateError

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray

    from space.data.images import Images

# Images between two reports of progress.
_STEP = 250
# Images whose answers by torch are compared with ONNX Runtime's, file by file, and how many have to be the same.
CHECKED = 1000
LEAST_AGREEMENT = 0.995


def accuracy(
    path: Path,
    images: "Images",
    progress: Callable[[float], None] = lambda share: None,
    device: "torch.device | None" = None,
) -> Accuracy:
    """By torch in batches where `device` (this machine's accelerator, unless named) answers as ONNX Runtime does."""
    answered, why_not = _on(device, path, images.pixels, progress)
    if answered is None:
        answered = Answered(predictions(path, images.pixels, progress), f"ONNX Runtime {_version()}, CPU{why_not}")
    return Accuracy.of(answered.predictions.tolist(), images.labels.tolist(), answered.engine)


@dataclass(frozen=True, slots=True)
class Answered:
    """The class said for each image, and who said so."""

    predictions: "NDArray[np.int64]"
    engine: str


def _on(
    device: "torch.device | None", path: Path, pixels: "NDArray[np.uint8]", progress: Callable[[float], None]
) -> tuple[Answered | None, str]:
    """Torch's answers, or why ONNX Runtime has to give them.

    On a CPU ONNX Runtime is the faster one (tests/benchmarks/accuracy_engines.py).
    """
    import numpy as np

    from space.training.accelerator import accelerator

    if device is None:
        device = accelerator()
        if device.type == "cpu":
            return None, ""
    if len(pixels) <= CHECKED:
        return None, ""
    checked = pixels[np.linspace(0, len(pixels) - 1, CHECKED).astype(int)]
    right = predictions(path, checked)
    from evaluators.runtimes.onnx_in_torch import TorchGraph
    from evaluators.runtimes.torch_operators import UnknownOperatorError

    try:
        graph = TorchGraph(path, device)
        agree = int((graph.predictions(checked) == right).sum())
        if agree < LEAST_AGREEMENT * CHECKED:
            return None, f" (torch {device.type} agrees on {agree:,} of {CHECKED:,} only)"
        said = f"torch {_name(device)}, agrees with ONNX Runtime {_version()} on {agree:,} of {CHECKED:,}"
        return Answered(graph.predictions(pixels, progress=progress), said), ""
    except UnknownOperatorError as error:
        return None, f" ({error})"
    # What torch raises of its own: no memory left, no such kernel on this device.
    except RuntimeError as error:
        return None, f" (torch {device.type}: {str(error).splitlines()[0][:80]})"


def _name(device: "torch.device") -> str:
    import torch

    model = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return f"{device.type} ({model})"


def predictions(
    path: Path, pixels: "NDArray[np.uint8]", progress: Callable[[float], None] = lambda share: None
) -> "NDArray[np.int64]":
    """The class the file says for each image: by ONNX Runtime, one image at a time as on the device.

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


def _version() -> str:
    from importlib.metadata import version

    return version("onnxruntime")
