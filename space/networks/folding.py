"""Folding: the layers of a network in their order, and a BatchNorm within the convolution before it."""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray
from torch import nn


def layers(model: nn.Module) -> Iterator[tuple[str, nn.Module, nn.BatchNorm2d | None]]:
    """The layers in the order in which they run, each convolution with the BatchNorm that follows it."""
    leaves = [(name, layer) for name, layer in model.named_modules() if not list(layer.children())]
    for position, (name, layer) in enumerate(leaves):
        if isinstance(layer, nn.BatchNorm2d):
            continue
        following = leaves[position + 1][1] if position + 1 < len(leaves) else None
        yield name, layer, following if isinstance(following, nn.BatchNorm2d) else None


def fold(conv: nn.Conv2d, norm: nn.BatchNorm2d | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weight and bias of the convolution that answers as both do, one after the other."""
    weight = conv.weight.detach().double().numpy()
    bias = np.zeros(conv.out_channels) if conv.bias is None else conv.bias.detach().double().numpy()
    if norm is None:
        return weight, bias
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight.detach().double().numpy() / np.sqrt(norm.running_var.double().numpy() + norm.eps)
    shift = norm.bias.detach().double().numpy() - norm.running_mean.double().numpy() * scale
    return weight * scale.reshape(-1, 1, 1, 1), bias * scale + shift
