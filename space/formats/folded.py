"""Folded: a network as its files hold it, before any of them is written: BatchNorm and normalisation taken in.

Whoever writes a format reads the order of the layers, their weights and their windows here, and asks what the layers
hand on for training images.
"""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from space.data.images import ImageShape
from space.errors import CandidateError
from space.networks.prunable import Prunable
from space.networks.steps import IMAGES, KNOWN, Add, Step, factors, fold, steps

Array = NDArray[np.float64]

# What a folded network can consist of; the first two have weights, the last two clip.
LAYERS = (
    nn.Conv2d, nn.Linear, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d, nn.Flatten, Add, nn.ReLU, nn.ReLU6,
)  # fmt: skip
_SLIDING = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
# Images run at a time: what the layers hand on for them fits a processor's caches.
_BATCH = 32


@dataclass(frozen=True)
class Weights:
    """A layer's weights in torch's order: outputs x inputs of a group x height x width, or outputs x inputs."""

    weight: Array
    bias: Array


@dataclass(frozen=True)
class Window:
    """What a layer that slides over a map looks at: height before width, in pixels."""

    kernel: tuple[int, int]
    strides: tuple[int, int]
    # Zeros that the map has around it: above, to the left, below, to the right. Both sides have as many.
    pads: tuple[int, int, int, int]


@dataclass(frozen=True)
class Folded:
    """A network whose layers are LAYERS. Those that read IMAGES get (pixel - mean) x scale, a pixel being 0 to 255.

    A BatchNorm that no convolution takes in has become a convolution of each channel for itself.
    """

    # A layer says what it does; its weights and its window are those below, whatever stands in the layer.
    steps: tuple[Step, ...]
    # Weights of every Conv2d and Linear, by the name of its step.
    weights: Mapping[str, Weights]
    # Windows of every Conv2d, MaxPool2d and AvgPool2d, by the name of its step.
    windows: Mapping[str, Window]
    # What is subtracted from each channel.
    mean: Array
    # What each channel is multiplied by; None where the convolutions that read the images have taken it in.
    scale: Array | None
    image: ImageShape
    classes: int

    @cached_property
    def _readers(self) -> Mapping[str, list[Step]]:
        readers: dict[str, list[Step]] = {}
        for step in self.steps:
            for name in step.reads:
                readers.setdefault(name, []).append(step)
        return readers

    @property
    def last(self) -> Step:
        """The step that hands on the network's answer."""
        return self.steps[-1]

    @property
    def weighted(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.name in self.weights)

    def only_reader(self, value: str) -> Step | None:
        """The one step that reads this value; None where several do, or where it is the network's answer."""
        readers = self._readers.get(value, [])
        return readers[0] if len(readers) == 1 else None


def folded(model: Prunable, mean: Sequence[float], std: Sequence[float]) -> Folded:
    """CandidateError names what no file can hold. `mean`, `std`: the normalisation, of pixels from 0 to 1."""
    all_steps = steps(model)
    for step in all_steps:
        _check(step)
    weights = {step.name: _weights(step) for step in all_steps if isinstance(step.layer, _WEIGHTED)}
    all_steps = tuple(_without_norm(step) for step in all_steps)
    windows = {step.name: _window(step) for step in all_steps if isinstance(step.layer, _SLIDING)}
    centre, scale = 255 * np.asarray(mean, dtype=np.float64), 1 / (255 * np.asarray(std, dtype=np.float64))
    readers = [step for step in all_steps if IMAGES in step.reads]
    taken_in = all(isinstance(step.layer, nn.Conv2d) and step.layer.groups == 1 for step in readers)
    if taken_in:
        for step in readers:
            layer_weights = weights[step.name]
            weights[step.name] = replace(layer_weights, weight=layer_weights.weight * scale.reshape(1, -1, 1, 1))
    return Folded(all_steps, weights, windows, centre, None if taken_in else scale, model.image, model.classes)


def depthwise(channels: int) -> nn.Conv2d:
    """A layer of each channel for itself, pixel by pixel. It stands in a step and holds no weights of its own."""
    return nn.Conv2d(channels, channels, 1, groups=channels, device="meta")


# The window of such a layer.
POINT = Window((1, 1), (1, 1), (0, 0, 0, 0))

# What has weights before a BatchNorm has become a convolution.
_WEIGHTED = (nn.Conv2d, nn.Linear, nn.BatchNorm2d)


def _weights(step: Step) -> Weights:
    layer = step.layer
    if isinstance(layer, nn.Conv2d):
        return Weights(*fold(layer, step.norm))
    if isinstance(layer, nn.BatchNorm2d):
        scale, shift = factors(layer)
        return Weights(scale.reshape(-1, 1, 1, 1), shift)
    assert isinstance(layer, nn.Linear)
    bias = np.zeros(layer.out_features) if layer.bias is None else layer.bias.detach().double().numpy()
    return Weights(layer.weight.detach().double().numpy(), bias)


def _without_norm(step: Step) -> Step:
    layer = depthwise(step.layer.num_features) if isinstance(step.layer, nn.BatchNorm2d) else step.layer
    return Step(step.name, layer, step.reads)


def _check(step: Step) -> None:
    layer = step.layer
    if type(layer) not in (*LAYERS, nn.BatchNorm2d):
        raise CandidateError(f"{step.name}: operator {type(layer).__name__} is not known; {KNOWN}")
    if isinstance(layer, nn.AvgPool2d) and layer.divisor_override is not None:
        raise CandidateError(f"{step.name}: a divisor of its own is not exported: {layer}")
    if isinstance(layer, nn.AdaptiveAvgPool2d) and _pair(layer.output_size) != (1, 1):
        raise CandidateError(f"{step.name}: only the mean of a whole map is exported, AdaptiveAvgPool2d(1): {layer}")
    if isinstance(layer, nn.Flatten) and (layer.start_dim, layer.end_dim) != (1, -1):
        raise CandidateError(f"{step.name}: only whole images are flattened, from axis 1 on: {layer}")


def _window(step: Step) -> Window:
    """CandidateError where the layer slides in a way of its own."""
    layer: Any = step.layer
    kernel, strides, pads = (_pair(value) for value in (layer.kernel_size, layer.stride, layer.padding))
    plain = _pair(getattr(layer, "dilation", 1)) == (1, 1) and not getattr(layer, "ceil_mode", False)
    if not plain or getattr(layer, "padding_mode", "zeros") != "zeros":
        raise CandidateError(f"{step.name}: only plain windows are exported, without dilation or rounding up: {layer}")
    return Window(kernel, strides, (*pads, *pads))


def _pair(value: Any) -> tuple[int, int]:
    if isinstance(value, str):
        raise CandidateError(f"padding {value!r} is not exported; a number of pixels is")
    height, width = (value, value) if isinstance(value, int) else value
    return int(height), int(width)


def outputs(network: Folded, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """What it answers to raw images."""
    return np.concatenate([values.numpy() for _, values in observed(network, pixels, [network.last.name])])


@torch.inference_mode()
def observed(network: Folded, pixels: NDArray[np.uint8], names: Collection[str]) -> Iterator[tuple[str, Tensor]]:
    """What each of these steps hands on, or IMAGES, batch by batch."""
    if not names:
        return
    weights = {
        name: (torch.from_numpy(stored.weight).float(), torch.from_numpy(stored.bias).float())
        for name, stored in network.weights.items()
    }
    reads = Counter(name for step in network.steps for name in step.reads)
    for start in range(0, len(pixels), _BATCH):
        values = {IMAGES: _taken(network, pixels[start : start + _BATCH])}
        if IMAGES in names:
            yield IMAGES, values[IMAGES]
        unread = reads.copy()
        for step in network.steps:
            values[step.name] = _result(network, step, [values[name] for name in step.reads], weights)
            unread.subtract(step.reads)
            for name in step.reads:
                if not unread[name]:
                    values.pop(name, None)
            if step.name in names:
                yield step.name, values[step.name]


def _taken(network: Folded, pixels: NDArray[np.uint8]) -> Tensor:
    """The images as the first layer reads them, the channels of a pixel side by side in memory: small convolutions take
    two thirds of the time on them."""
    raw = torch.from_numpy(pixels).to(torch.float32, memory_format=torch.channels_last)
    centred = raw - _of_channels(network.mean)
    return centred if network.scale is None else centred * _of_channels(network.scale)


def _of_channels(values: Array) -> Tensor:
    return torch.from_numpy(values).float().view(1, -1, 1, 1)


def _result(network: Folded, step: Step, inputs: list[Tensor], weights: Mapping[str, tuple[Tensor, Tensor]]) -> Tensor:
    layer = step.layer
    if isinstance(layer, nn.Conv2d):
        window = network.windows[step.name]
        return F.conv2d(inputs[0], *weights[step.name], window.strides, window.pads[:2], groups=layer.groups)
    if isinstance(layer, nn.Linear):
        return F.linear(inputs[0], *weights[step.name])
    # A layer may be one that writes over what it reads, which whoever observes it still holds.
    if isinstance(layer, nn.ReLU):
        return F.relu(inputs[0])
    if isinstance(layer, nn.ReLU6):
        return F.relu6(inputs[0])
    result: Tensor = layer(*inputs)
    return result
