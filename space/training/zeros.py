"""Zeros: single weights that pruning set to zero, and that training leaves so."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn


@contextmanager
def zeros_held(model: nn.Module) -> Iterator[None]:
    """While it lasts, training leaves weights that are zero as they are: no gradient, and nothing to decay."""
    hooks = [weight.register_hook(_held(weight)) for weight in weights_of(model)]  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def weights_of(model: nn.Module) -> list[torch.Tensor]:
    """The weights of convolutions and linear layers, which single ones are pruned from."""
    return [module.weight for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear)]


def _held(weight: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda gradient: gradient * weight.detach().ne(0)
