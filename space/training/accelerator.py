"""Accelerator: what trains: an NVIDIA GPU, Apple's, or the processor; chosen by name or by what is there."""

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

from space.data.images import ImageShape
from space.errors import NO_MEMORY, CandidateError, DeviceLostError, RequestError
from space.training.accelerator_names import AUTO

# The fastest first.
_THERE: dict[str, Callable[[], bool]] = {
    "cuda": torch.cuda.is_available,
    "mps": torch.backends.mps.is_available,
    "cpu": lambda: True,
}


def accelerator(name: str = AUTO) -> torch.device:
    """The one of that name, else the fastest of this machine."""
    kinds = [kind for kind, available in _THERE.items() if available()]
    if name not in (AUTO, *kinds):
        raise RequestError(f"--accelerator {name}: this machine has {' and '.join(kinds)}; auto takes {kinds[0]}")
    return torch.device(kinds[0] if name == AUTO else name)


def title(device: torch.device) -> str:
    """The device for a person, with what its speed and its answers depend on."""
    if device.type == "cuda":
        return f"cuda ({torch.cuda.get_device_name(device)}), torch {torch.__version__}, CUDA {torch.version.cuda}"
    return f"{device.type} ({platform.machine()}), torch {torch.__version__}, {torch.get_num_threads()} threads"


def place(model: nn.Module, device: torch.device) -> None:
    """Puts the model on the device, in the order of memory that its convolutions are fastest in.

    Channels last wins on GPUs; on two cores it makes depthwise convolutions 1.4 to 1.8 times as fast in large
    networks, and loses a sixth in those of less than a million MACs (tests/benchmarks/training_speed.py).
    """
    large = sum(parameter.numel() for parameter in model.parameters()) > LARGE
    last = device.type == "cuda" or (device.type == "cpu" and large)
    model.to(device).to(memory_format=torch.channels_last if last else torch.contiguous_format)


# Weights from which on a network counts as large.
LARGE = 100_000
# Values that convolutions and linear layers make of an image, up to which two threads train no faster than one. Of
# MobileNet-v1's networks, in batches of 256 on two cores, two took 1.2 times as long for 6,000 and for 12,000 values,
# as long for 19,000 and 27,000, and 0.75 times as long for 40,000.
FEW_VALUES = 30_000


@torch.inference_mode()
def values_of(model: nn.Module, shape: ImageShape) -> int:
    """All that convolutions and linear layers make of one image of the shape."""
    counts: list[int] = []
    layers = [module for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
    hooks = [
        layer.register_forward_hook(lambda layer, inputs, result: counts.append(result.numel())) for layer in layers
    ]
    was_training, parameter = model.training, next(model.parameters())
    try:
        model.eval()(torch.zeros(1, shape.channels, shape.side, shape.side, device=parameter.device))
    finally:
        for hook in hooks:
            hook.remove()
        model.train(was_training)
    return sum(counts)


@contextmanager
def forward_precision(device: torch.device) -> Iterator[None]:
    """Half the bits for passes without gradients, where that is twice as fast.

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
    names_memory = any(text in str(error) for text in NO_MEMORY)
    return names_memory or isinstance(error, torch.OutOfMemoryError) or out_of_memory(error.__context__)


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
