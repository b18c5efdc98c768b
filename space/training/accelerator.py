"""Accelerator: what trains: an NVIDIA GPU, Apple's, or the processor; chosen by name or by what is there."""

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from space.errors import CandidateError, DeviceLostError, RequestError
from space.training.accelerator_names import AUTO

# The fastest first.
_THERE: dict[str, Callable[[], bool]] = {
    "cuda": torch.cuda.is_available,
    "mps": torch.backends.mps.is_available,
    "cpu": lambda: True,
}


def accelerator(name: str = AUTO) -> torch.device:
    """The one of that name, else the fastest of this machine."""
    there = [kind for kind, available in _THERE.items() if available()]
    if name not in (AUTO, *there):
        raise RequestError(f"--accelerator {name}: this machine has {' and '.join(there)}; auto takes {there[0]}")
    return torch.device(there[0] if name == AUTO else name)


def title(device: torch.device) -> str:
    """With what it depends on, for a person."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)}), torch {torch.__version__}, CUDA {torch.version.cuda}"
    return f"{device.type} ({platform.machine()}), torch {torch.__version__}, {torch.get_num_threads()} threads"


def place(model: nn.Module, device: torch.device) -> None:
    """On the device, in the order of memory that its convolutions are fastest in.

    Channels last wins on GPUs; on two cores it makes depthwise convolutions 1.4 to 1.8 times as fast in large
    networks, and loses a sixth in those of less than a million MACs (tests/benchmarks/training_speed.py).
    """
    large = sum(parameter.numel() for parameter in model.parameters()) > LARGE
    last = device.type == "cuda" or (device.type == "cpu" and large)
    model.to(device).to(memory_format=torch.channels_last if last else torch.contiguous_format)


# Weights from which on a network counts as large.
LARGE = 100_000


@contextmanager
def forward_precision(device: torch.device) -> Iterator[None]:
    """For passes without gradients: half the bits where that is twice as fast.

    Training stays fp32 on processors: backward passes in bf16 take 2 to 4 times as long there.
    """
    half = device.type == "cuda" or (device.type == "cpu" and _processor_has_bf16())
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
        yield


@contextmanager
def training_precision(device: torch.device) -> Iterator[None]:
    # Weights that were cast once and kept would be those of the step that a CUDA graph was captured from.
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=device.type == "cuda", cache_enabled=False):
        yield


def out_of_memory(error: BaseException | None) -> bool:
    """Whatever says so: a capture that it ended says something else, and was raised while this one was handled."""
    if error is None:
        return False
    # The processor's allocator and CUDA's libraries have no error of their own.
    said = any(text in str(error) for text in ("allocate memory", "out of memory", "ALLOC_FAILED"))
    return said or isinstance(error, torch.OutOfMemoryError) or out_of_memory(error.__context__)


@contextmanager
def faults_named(device: torch.device) -> Iterator[None]:
    """Tells what a device is at fault for from a bug."""
    try:
        yield
    except RuntimeError as error:
        if out_of_memory(error):
            raise CandidateError("training needs more memory than there is") from error
        if device.type == "cuda" and "CUDA error" in str(error):
            reason = str(error).splitlines()[0]
            raise DeviceLostError(f"the GPU failed while it trained: {reason}; nvidia-smi says how it is") from error
        raise


def _processor_has_bf16() -> bool:
    # Wheels for Apple's processors come without MKL-DNN.
    mkldnn = torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
    return mkldnn and bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())
