"""Steps: what a network does with an image, one operator after the other, found by following its forward pass.

A BatchNorm is part of the convolution before it, where it alone reads what that convolution hands on.
"""

import operator
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import fx, nn

from space.errors import CandidateError

# What a step reads where it reads the images.
IMAGES = ""
# Layers that hand on what they get once training is over.
_PASSING = (nn.Identity, nn.Dropout, nn.Dropout2d)
# Functions and methods, and the layer that does the same with the same arguments.
_FUNCTIONS: dict[Any, type[nn.Module]] = {
    **dict.fromkeys((torch.relu, torch.relu_, F.relu, "relu", "relu_"), nn.ReLU),
    F.relu6: nn.ReLU6,
    F.max_pool2d: nn.MaxPool2d,
    F.avg_pool2d: nn.AvgPool2d,
    F.adaptive_avg_pool2d: nn.AdaptiveAvgPool2d,
    **dict.fromkeys((torch.flatten, "flatten"), nn.Flatten),
}
KNOWN = (
    "known are Conv2d, Linear, BatchNorm2d, ReLU, ReLU6, MaxPool2d, AvgPool2d, AdaptiveAvgPool2d(1), Flatten, Dropout, "
    "Identity and the sum of two maps"
)
_ADDITIONS = (operator.add, operator.iadd, torch.add, "add", "add_")


class Add(nn.Module):
    """The sum of two maps, as a layer."""

    def forward(self, one: torch.Tensor, other: torch.Tensor) -> torch.Tensor:
        return one + other


@dataclass(frozen=True)
class Step:
    """One operator."""

    # The layer's in the network; a function has a name of its own.
    name: str
    layer: nn.Module
    # Names of the steps whose results it takes.
    reads: tuple[str, ...]
    # The BatchNorm that is folded into this convolution.
    norm: nn.BatchNorm2d | None = None
    # Nodes of the traced graph that it stands for.
    nodes: tuple[fx.Node, ...] = ()


def traced(model: nn.Module) -> fx.GraphModule:
    """CandidateError where its forward pass depends on what is in the images."""
    try:
        return fx.symbolic_trace(model)
    except (fx.proxy.TraceError, TypeError) as error:
        raise CandidateError(f"{type(model).__name__} cannot be followed: {error}") from error


def steps(model: nn.Module) -> tuple[Step, ...]:
    """The steps in the order in which they run; CandidateError names an operator that is not known."""
    return steps_of(traced(model))


def steps_of(graph: fx.GraphModule) -> tuple[Step, ...]:
    by_name: dict[str, Step] = {}
    # The step whose result each node of the graph hands on.
    made_by: dict[fx.Node, str] = {}
    for node in graph.graph.nodes:
        if node.op == "placeholder":
            made_by[node] = IMAGES
        elif node.op == "output":
            if not isinstance(node.args[0], fx.Node) or made_by[node.args[0]] != next(reversed(by_name), IMAGES):
                raise CandidateError(f"{_title(graph)} hands on something else than the result of its last operator")
        else:
            made_by[node] = _placed(by_name, node, _layer(graph, node), made_by)
    return tuple(by_name.values())


def _placed(by_name: dict[str, Step], node: fx.Node, layer: nn.Module, made_by: dict[fx.Node, str]) -> str:
    """Notes what the node does; the name of the step that hands its result on."""
    sources = [source for source in node.args if isinstance(source, fx.Node)]
    reads = tuple(made_by[source] for source in sources)
    if isinstance(layer, _PASSING):
        return reads[0]
    before = by_name.get(reads[0])
    if isinstance(layer, nn.BatchNorm2d) and before is not None and _folds(before, sources[0]):
        by_name[before.name] = Step(before.name, before.layer, before.reads, layer, (*before.nodes, node))
        return before.name
    name = _name(node, by_name)
    by_name[name] = Step(name, layer, reads, None, (node,))
    return name


def _folds(before: Step, source: fx.Node) -> bool:
    return (
        isinstance(before.layer, nn.Conv2d)
        and before.norm is None
        and source in before.nodes
        and len(source.users) == 1
    )


def _name(node: fx.Node, names: Iterable[str]) -> str:
    """A layer that is used again needs another name for each time."""
    name = str(node.target) if node.op == "call_module" else node.name
    return name if name not in names else f"{name}_{node.name}"


def _layer(graph: fx.GraphModule, node: fx.Node) -> nn.Module:
    if node.op == "call_module":
        return graph.get_submodule(str(node.target))
    maps = [arg for arg in node.args if isinstance(arg, fx.Node)]
    if node.target in _ADDITIONS and len(maps) == len(node.args) == 2 and not node.kwargs:
        return Add()
    kind = _FUNCTIONS.get(node.target)
    if kind is not None and len(maps) == 1:
        # A function flattens from the first axis on, unless it is told otherwise; the layer from the second.
        first = {"start_dim": 0} if kind is nn.Flatten and len(node.args) == 1 else {}
        return kind(*node.args[1:], **(first | node.kwargs))
    raise CandidateError(f"{_title(graph)}: operator {_operator(node)} is not known; {KNOWN}")


def _title(graph: fx.GraphModule) -> str:
    return str(graph.__class__.__name__)


def _operator(node: fx.Node) -> str:
    name = node.target if isinstance(node.target, str) else getattr(node.target, "__name__", node.target)
    return f"{name} of {node.name}"


def fold(conv: nn.Conv2d, norm: nn.BatchNorm2d | None) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Weight and bias of the convolution that answers as both do, one after the other."""
    weight = conv.weight.detach().double().numpy()
    bias = np.zeros(conv.out_channels) if conv.bias is None else conv.bias.detach().double().numpy()
    if norm is None:
        return weight, bias
    scale, shift = factors(norm)
    return weight * scale.reshape(-1, 1, 1, 1), bias * scale + shift


def factors(norm: nn.BatchNorm2d) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """What a trained BatchNorm multiplies each channel by, and what it adds then."""
    if norm.running_mean is None or norm.running_var is None or not norm.affine:
        raise CandidateError(f"a BatchNorm without scales or running figures is not known: {norm}")
    scale = norm.weight.detach().double().numpy() / np.sqrt(norm.running_var.double().numpy() + norm.eps)
    return scale, norm.bias.detach().double().numpy() - norm.running_mean.double().numpy() * scale
