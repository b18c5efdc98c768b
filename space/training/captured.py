"""Captured: steps and validation as CUDA graphs, which the device goes through without being told each kernel.

A step of a small network is 200 kernels of a few microseconds each: started one by one, it takes 6 to 10 times as long.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import cache, partial
from itertools import chain

import torch
from torch import Tensor, nn

from space.data.images import Images
from space.data.schedule import Schedule
from space.training.accelerator import out_of_memory
from space.training.step import Shown, Stepper, say_once
from space.training.validation import Validation

# Work for a device: it reads tensors and writes tensors that stay where they are.
Body = Callable[[], None]
# Runs a body a few times, and makes another of it that does the same.
Record = Callable[[Body], Body]

# Libraries set themselves up, and choose their kernels, in the first calls; PyTorch's notes on CUDA graphs take three.
_WARM_UPS = 3


def stepper_and_validation(
    model: nn.Module, schedule: Schedule, validation: Images, mean: Sequence[float], std: Sequence[float]
) -> tuple[Stepper, Validation]:
    """What takes a training's steps and judges its epochs: captured where the model can be, else as they come."""
    device = next(model.parameters()).device
    if not _capturable(model):
        return Stepper(model, schedule), Validation(validation, mean, std, device)
    graphs = CudaGraphs()
    return CapturedStepper(model, schedule, graphs), CapturedValidation(validation, mean, std, device, graphs)


def _capturable(model: nn.Module) -> bool:
    """Whether it is on a GPU, and nothing in it is called in each step that a graph would leave out. Hooks of tensors
    stay: what they make of a gradient is work for the device like any other."""
    hooked = any(
        module._forward_hooks or module._forward_pre_hooks or module._backward_hooks or module._backward_pre_hooks
        for module in model.modules()
    )
    return next(model.parameters()).device.type == "cuda" and not hooked


class CapturedStepper(Stepper):
    """The same step, one recording for each size of image. What changes is copied to where the recordings read it."""

    def __init__(self, model: nn.Module, schedule: Schedule, record: Record) -> None:
        super().__init__(model, schedule, torch.zeros((), device=next(model.parameters()).device))
        self._new_gradients = False
        self._recordings = Recordings(partial(_without_trace, record, model, self.optimizer, self.total), smaller=True)

    def begin(self, shown: Shown) -> None:
        if self._shown is None:
            own = shown.copied()
        else:
            own = replace(self._shown, size=shown.size)
            for tensor, values in zip(own.tensors(), shown.tensors(), strict=True):
                tensor.copy_(values)
        super().begin(own)

    def step(self, chosen: Tensor, rate: float) -> None:
        if self._chosen is None:
            self._chosen = chosen.clone()
        self._chosen.copy_(chosen)
        self._set(rate)
        size = self._shown.size if self._shown else None
        self._in_parts(lambda: self._recordings.run(size, self._update))


class CapturedValidation(Validation):
    """The same counting, one recording for each size of image; the last, smaller batch is part of it."""

    def __init__(
        self, images: Images, mean: Sequence[float], std: Sequence[float], device: torch.device, record: Record
    ) -> None:
        super().__init__(images, mean, std, device)
        self._recordings = Recordings(record, smaller=False)

    def _judge(self, model: nn.Module, size: int) -> None:
        self._recordings.run((model, size), lambda: self._count_right(model, size))


class Recordings:
    """Bodies by key, each recorded when it is first to run. Where one cannot be, all run as they come.

    `smaller`: where a recording lacks memory, who asks for it takes a smaller body.
    """

    def __init__(self, record: Record, *, smaller: bool) -> None:
        self._record: Record | None = record
        self._smaller = smaller
        self._replays: dict[Hashable, Body] = {}

    def run(self, key: Hashable, body: Body) -> None:
        if self._record and key not in self._replays:
            self._make(key, body, self._record)
        self._replays.get(key, body)()

    def _make(self, key: Hashable, body: Body, record: Record) -> None:
        try:
            self._replays[key] = record(body)
        except RuntimeError as error:
            # The others may hold the memory that it lacks.
            self._replays.clear()
            if self._smaller and out_of_memory(error):
                raise
            self._record = None
            reason = str(_first(error)).splitlines()[0]
            say_once(f"training: slower, as its steps cannot be captured as a CUDA graph: {reason}")


def _first(error: BaseException) -> BaseException:
    """A capture ends with an error of its own where one stopped it."""
    return error if error.__context__ is None else _first(error.__context__)


class CudaGraphs:
    """Records bodies as CUDA graphs, all in one pool of memory: no two of them run at a time."""

    def __init__(self) -> None:
        self._stream = _stream()
        self._pool = torch.cuda.graph_pool_handle()

    def __call__(self, body: Body) -> Body:
        graph = torch.cuda.CUDAGraph()
        self._stream.wait_stream(torch.cuda.current_stream())
        try:
            # A capture that fails may leave its stream the current one; this puts the other back.
            with torch.cuda.stream(self._stream):
                for _ in range(_WARM_UPS):
                    body()
                with torch.cuda.graph(graph, pool=self._pool, stream=self._stream):
                    body()
        except RuntimeError:
            # The allocator takes no pool again whose graphs are gone, or that a failed capture was in.
            self._pool = torch.cuda.graph_pool_handle()
            _draw_again()
            raise
        finally:
            torch.cuda.current_stream().wait_stream(self._stream)
        return graph.replay


@cache
def _stream() -> torch.cuda.Stream:
    """One stream for all trainings of a process: cuBLAS keeps a workspace for each stream that it has worked in, 32 MiB
    on a Hopper, and PyTorch gives out 32 streams before one comes round again."""
    return torch.cuda.Stream()  # type: ignore[no-untyped-call]


def _draw_again() -> None:
    """After a capture that failed the device's generator takes itself for captured still, and ends whatever draws with
    "Offset increment outside graph capture", before PyTorch 2.14; a copy of its state does not."""
    generator = torch.cuda.default_generators[torch.cuda.current_device()]
    generator.graphsafe_set_state(generator.clone_state())


def _without_trace(
    record: Record, model: nn.Module, optimizer: torch.optim.Optimizer, total: Tensor, body: Body
) -> Body:
    with undone(model, optimizer, total):
        return record(body)


@contextmanager
def undone(model: nn.Module, optimizer: torch.optim.Optimizer, total: Tensor) -> Iterator[None]:
    """Afterwards all is as before, to the bit: weights, BatchNorm's figures, momenta, what is drawn next.

    Momenta that were not there are zero, which is what a first step takes them for.
    """
    device = total.device
    copies = [
        (tensor, tensor.detach().clone())
        for tensor in chain(model.parameters(), model.buffers(), _state(optimizer), [total])
    ]
    known = {id(tensor) for tensor, _ in copies}
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
    finally:
        with torch.no_grad():
            for tensor, before in copies:
                tensor.copy_(before)
            for tensor in _state(optimizer):
                if id(tensor) not in known:
                    tensor.zero_()


def _state(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [value for state in optimizer.state.values() for value in state.values() if isinstance(value, Tensor)]
