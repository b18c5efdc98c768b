"""Weights: single ones set to zero, wherever they are. That shrinks a packed file, not latency: kernels are dense."""

from collections.abc import Callable

import torch
from torch import nn

from space.training.zeros import weights_of

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
    layers = weights_of(model)
    flat = torch.cat([weight.flatten() for weight in layers])
    scores = WEIGHT_CRITERIA[criterion](flat, torch.Generator().manual_seed(seed))
    flat[torch.argsort(scores, stable=True)[: round(fraction * len(flat))]] = 0.0
    for weight, pruned in zip(layers, torch.split(flat, [weight.numel() for weight in layers]), strict=True):
        weight.copy_(pruned.view_as(weight))


@torch.no_grad()
def rewind_weights(pruned: nn.Module, beginning: nn.Module) -> None:
    """Sets the weights of `beginning` to zero, in place, where those of `pruned` are."""
    for weight, mask in zip(weights_of(beginning), weights_of(pruned), strict=True):
        weight[mask.eq(0)] = 0.0


def zeros(model: nn.Module) -> int:
    """Single weights that are zero, of convolutions and linear layers."""
    return sum(int(weight.eq(0).sum()) for weight in weights_of(model))


def sparsity(model: nn.Module) -> float:
    """Share of zeros among the weights of convolutions and linear layers."""
    return zeros(model) / sum(weight.numel() for weight in weights_of(model))
