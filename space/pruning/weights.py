"""Weights: single ones set to zero, wherever they are. That shrinks a packed file, not latency: kernels are dense."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch
from torch import nn

# One score for each weight, the lowest pruned first.
Criterion = Callable[[torch.Tensor, torch.Generator], torch.Tensor]

WEIGHT_CRITERIA: dict[str, Criterion] = {
    "magnitude": lambda weights, _: weights.abs(),
    "random": lambda weights, generator: torch.rand(len(weights), generator=generator),
}


@torch.no_grad()
def prune_weights(model: nn.Module, fraction: float, criterion: str = "magnitude", seed: int = 0) -> None:
    """Sets this fraction of the weights of all convolutions and linear layers to zero, in place.

    They are judged together, so layers lose different shares. Biases and BatchNorm stay.
    """
    if not 0 <= fraction < 1:
        raise ValueError(f"fraction {fraction}: at least 0, below 1")
    layers = _layers(model)
    flat = torch.cat([weight.flatten() for weight in layers])
    scores = WEIGHT_CRITERIA[criterion](flat, torch.Generator().manual_seed(seed))
    flat[torch.argsort(scores, stable=True)[: round(fraction * len(flat))]] = 0.0
    for weight, pruned in zip(layers, torch.split(flat, [weight.numel() for weight in layers]), strict=True):
        weight.copy_(pruned.view_as(weight))


@contextmanager
def zeros_held(model: nn.Module) -> Iterator[None]:
    """Meanwhile training leaves weights that are zero as they are: no gradient, and nothing to decay."""
    hooks = [weight.register_hook(_held(weight)) for weight in _layers(model)]  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()


def _held(weight: torch.Tensor) -> Callable[[torch.Tensor], torch.Tensor]:
    return lambda gradient: gradient * weight.detach().ne(0)


def sparsity(model: nn.Module) -> float:
    """Share of zeros among the weights of convolutions and linear layers."""
    layers = _layers(model)
    return sum(int(weight.eq(0).sum()) for weight in layers) / sum(weight.numel() for weight in layers)


def _layers(model: nn.Module) -> list[torch.Tensor]:
    return [module.weight for module in model.modules() if isinstance(module, nn.Conv2d | nn.Linear)]
