"""Engine: who works out a file's answers on this machine, ONNX Runtime or torch where it answers the same."""

import platform
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from evaluators.runtimes.onnx_runtime.host import predictions, runtime_version
from evaluators.runtimes.runtime import Answered

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evaluators.runtimes.runtime import Accelerator

# Images whose answers by torch are compared with ONNX Runtime's, file by file, and how many have to be the same.
CHECKED = 1000
LEAST_AGREEMENT = 0.995


def answers(
    path: Path,
    pixels: "NDArray[np.uint8]",
    progress: Callable[[float], None],
    device: "Accelerator | None",
) -> Answered:
    """The answers, by torch in batches where `device` (unless named, our accelerator) answers as ONNX Runtime does."""
    answered, why_not = _by_torch(device, path, pixels, progress)
    if answered is not None:
        return answered
    return Answered(predictions(path, pixels, progress), f"ONNX Runtime {runtime_version()}, CPU{why_not}")


def _by_torch(
    device: "Accelerator | None", path: Path, pixels: "NDArray[np.uint8]", progress: Callable[[float], None]
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
    from evaluators.runtimes.onnx_runtime.onnx_in_torch import TorchGraph
    from evaluators.runtimes.onnx_runtime.torch_operators import UnknownOperatorError

    try:
        graph = TorchGraph(path, device)
        agree = int((graph.predictions(checked) == right).sum())
        if agree < LEAST_AGREEMENT * CHECKED:
            return None, f" (torch {device.type} agrees on {agree:,} of {CHECKED:,} only)"
        engine = f"torch {_name(device)}, agrees with ONNX Runtime {runtime_version()} on {agree:,} of {CHECKED:,}"
        return Answered(graph.predictions(pixels, progress=progress), engine), ""
    except UnknownOperatorError as error:
        return None, f" ({error})"
    # What torch raises of its own: no memory left, no such kernel on this device.
    except RuntimeError as error:
        return None, f" (torch {device.type}: {str(error).splitlines()[0][:80]})"


def _name(device: "Accelerator") -> str:
    import torch

    model = torch.cuda.get_device_name(device) if device.type == "cuda" else platform.machine()
    return f"{device.type} ({model})"
