"""A record of operators: what a CUDA graph is, on the processor.

It runs a body a few times, notes the operators of one more run, and replays them on the very tensors that they had:
nothing that Python does between operators happens again, and a body that asks for a value cannot be recorded.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten

Body = Callable[[], None]
WARM_UPS = 2


class OperatorRecord(TorchDispatchMode):
    def __init__(self) -> None:
        super().__init__()
        self._calls: list[tuple[Any, Any, Any, list[torch.Tensor]]] = []

    @classmethod
    def of(cls, body: Body) -> Body:
        for _ in range(WARM_UPS):
            body()
        record = cls()
        with record:
            body()
        return record.replay

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is torch.ops.aten._local_scalar_dense.default:
            raise RuntimeError("operation not permitted when stream is capturing")
        kwargs = kwargs or {}
        inputs = {_memory(tensor) for tensor in _tensors((args, kwargs))}
        result = func(*args, **kwargs)
        # Views and what is written in place stay where they are by themselves.
        self._calls.append((func, args, kwargs, [new for new in _tensors(result) if _memory(new) not in inputs]))
        return result

    def replay(self) -> None:
        with torch.inference_mode():
            for func, args, kwargs, outputs in self._calls:
                memories = {_memory(tensor) for tensor in _tensors((args, kwargs))}
                results = [new for new in _tensors(func(*args, **kwargs)) if _memory(new) not in memories]
                for output, new in zip(outputs, results, strict=True):
                    output.copy_(new)


def _tensors(tree: Any) -> list[torch.Tensor]:
    return [leaf for leaf in tree_flatten(tree)[0] if isinstance(leaf, torch.Tensor)]


def _memory(tensor: torch.Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
