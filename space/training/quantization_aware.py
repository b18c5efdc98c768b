"""Quantization-aware fine-tuning: the network trained with the rounding of its static int8 file.

Weights are rounded per output channel, activations per tensor over the range of the batch, as min-max calibration
will find it; gradients pass as if nothing had been rounded (straight through). BatchNorm is folded away before, as
export folds it, so what is rounded is what the file will hold.
"""

import copy
from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, fx, nn

from space.data.images import DataSet
from space.errors import CandidateError
from space.networks.steps import Add, Step, factors, fold, steps, steps_of, traced
from space.training import training
from space.training.epoch import Epoch
from space.training.zeros import zeros_held

# Peak learning rate. Folded weights have no BatchNorm behind them to forgive a step too long.
PEAK_RATE = 0.004
_LEVELS, _WEIGHT_LEVELS = 255, 127
# The least step: what is always 0 has no range.
_LEAST = 1e-8


def fine_tune_aware(
    model: nn.Module,
    data: DataSet,
    *,
    epochs: int,
    seed: int,
    mean: Sequence[float],
    std: Sequence[float],
    step_progress: Callable[[int, int], None] | None = None,
    device: torch.device | None = None,
) -> tuple[Epoch, ...]:
    """Trains the model in place; its BatchNorms end as plain biases, weights that are zero stay so."""
    folded = _folded(model)
    with zeros_held(folded):
        history = training.fine_tune(
            folded,
            data,
            epochs=epochs,
            learning_rate=PEAK_RATE,
            plain=True,
            seed=seed,
            mean=mean,
            std=std,
            step_progress=step_progress,
            device=device,
        )
    _unfold(folded, model)
    model.eval()
    return history


class _Conv(nn.Conv2d):
    def forward(self, images: Tensor) -> Tensor:
        convolved: Tensor = self._conv_forward(_rounded_values(images), _rounded_weights(self.weight), self.bias)
        return convolved


class _Linear(nn.Linear):
    def forward(self, values: Tensor) -> Tensor:
        return F.linear(_rounded_values(values), _rounded_weights(self.weight), self.bias)


class _GlobalPool(nn.AdaptiveAvgPool2d):
    def forward(self, images: Tensor) -> Tensor:
        pooled: Tensor = super().forward(_rounded_values(images))
        return pooled


class _AveragePool(nn.AvgPool2d):
    def forward(self, images: Tensor) -> Tensor:
        return super().forward(_rounded_values(images))


class _Add(Add):
    def forward(self, one: Tensor, other: Tensor) -> Tensor:
        return super().forward(_rounded_values(one), _rounded_values(other))


def _rounded_values(values: Tensor) -> Tensor:
    low, high = (end.detach() for end in values.aminmax())
    low = low.clamp(max=0)
    scale = ((high.clamp(min=0) - low) / _LEVELS).clamp(min=_LEAST)
    zero = torch.round(low / scale)
    return _straight_through(values, (torch.round(values / scale).clamp(zero, zero + _LEVELS)) * scale)


def _rounded_weights(weight: Tensor) -> Tensor:
    scale = weight.detach().abs().amax(dim=tuple(range(1, weight.dim())), keepdim=True) / _WEIGHT_LEVELS
    scale = scale.clamp(min=_LEAST)
    return _straight_through(weight, torch.round(weight / scale) * scale)


def _straight_through(values: Tensor, rounded: Tensor) -> Tensor:
    return values + (rounded - values).detach()


def _folded(model: nn.Module) -> nn.Module:
    """A network that answers as the model does but for the rounding, its layers named as the model's steps.

    What is only chosen among values (ReLU, the largest of a window) is as good before rounding as after it.
    """
    graph = traced(copy.deepcopy(model))
    trained: set[nn.Module] = set()
    for step in steps_of(graph):
        rounded = _rounded(step)
        if rounded is None:
            continue
        if step.layer in trained:
            raise CandidateError(f"{step.name} is used twice: it cannot be trained with rounding")
        trained.add(step.layer)
        _put(graph, step.nodes[0], step.name, rounded)
        for norm in step.nodes[1:]:
            _put(graph, norm, str(norm.target), nn.Identity())
    graph.recompile()
    return graph


def _rounded(step: Step) -> nn.Module | None:
    """The layer with the rounding of what it reads and of its weights; None for one that rounds nothing."""
    layer = step.layer
    if isinstance(layer, nn.Conv2d):
        return _conv(layer, *fold(layer, step.norm), with_bias=layer.bias is not None or step.norm is not None)
    if isinstance(layer, nn.BatchNorm2d):
        scale, shift = factors(layer)
        alone = nn.Conv2d(len(scale), len(scale), 1, groups=len(scale))
        return _conv(alone, scale.reshape(-1, 1, 1, 1), shift, with_bias=True)
    if isinstance(layer, nn.Linear):
        linear = _Linear(layer.in_features, layer.out_features, bias=layer.bias is not None)
        linear.load_state_dict(layer.state_dict())
        return linear
    if isinstance(layer, nn.AdaptiveAvgPool2d):
        return _GlobalPool(layer.output_size)
    if isinstance(layer, nn.AvgPool2d):
        return _AveragePool(
            layer.kernel_size,
            layer.stride,
            layer.padding,
            layer.ceil_mode,
            layer.count_include_pad,
            layer.divisor_override,
        )
    return _Add() if isinstance(layer, Add) else None


@torch.no_grad()
def _unfold(folded: nn.Module, model: nn.Module) -> None:
    """The trained weights, into a model whose BatchNorms only add the biases."""
    for step in steps(model):
        layer = step.layer
        if isinstance(layer, nn.Linear):
            layer.load_state_dict(folded.get_submodule(step.name).state_dict())
        if not isinstance(layer, nn.Conv2d | nn.BatchNorm2d):
            continue
        trained = folded.get_submodule(step.name)
        assert isinstance(trained, nn.Conv2d)
        if isinstance(layer, nn.BatchNorm2d):
            _only_adding(layer, trained.bias)
            layer.weight.copy_(trained.weight.flatten())
            continue
        layer.weight.copy_(trained.weight)
        if layer.bias is not None and trained.bias is not None:
            layer.bias.copy_(trained.bias if step.norm is None else torch.zeros_like(trained.bias))
        if step.norm is not None:
            _only_adding(step.norm, trained.bias)


def _only_adding(norm: nn.BatchNorm2d, bias: Tensor | None) -> None:
    assert bias is not None
    assert norm.running_mean is not None
    assert norm.running_var is not None
    norm.running_mean.zero_()
    norm.running_var.fill_(1 - norm.eps)
    norm.weight.fill_(1)
    norm.bias.copy_(bias)


def _conv(layer: nn.Conv2d, weight: NDArray[np.float64], bias: NDArray[np.float64], *, with_bias: bool) -> _Conv:
    conv = _Conv(
        layer.in_channels,
        layer.out_channels,
        layer.kernel_size,  # type: ignore[arg-type]
        layer.stride,  # type: ignore[arg-type]
        layer.padding,  # type: ignore[arg-type]
        groups=layer.groups,
        bias=with_bias,
    )
    tensors = {"weight": torch.from_numpy(weight).float()}
    conv.load_state_dict(tensors | ({"bias": torch.from_numpy(bias).float()} if with_bias else {}))
    return conv


def _put(graph: fx.GraphModule, node: fx.Node, name: str, layer: nn.Module) -> None:
    """Puts the layer in the place of the node, whose work it does in its own way."""
    values = tuple(arg for arg in node.args if isinstance(arg, fx.Node))
    graph.add_submodule(name, layer)
    with graph.graph.inserting_after(node):
        placed = graph.graph.call_module(name, values)
    node.replace_all_uses_with(placed)
    graph.graph.erase_node(node)
