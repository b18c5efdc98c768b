"""Integers: the whole numbers of a static int8 file, worked out once for whatever format holds them.

Activations are asymmetric int8, weights symmetric int8 with a scale for each output channel: what the kernels of ARM
cores are fast with. A ReLU needs no operator of its own, as its zero is the lowest level; nor does a ReLU6, as its six
is the highest one or above that.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from torch import nn

from space.formats.calibration import Range, largest_per_channel, ranges
from space.formats.equalization import equalized, pairs
from space.formats.folded import POINT, Array, Folded, Weights, depthwise
from space.networks.steps import IMAGES, Add, Step
from space.threads import one_thread

# Training images that tell the ranges of activations: the first ones, in eight batches of calibration.
_CALIBRATION_IMAGES = 256
# Training images that tell how wide channels are beside each other.
_EQUALIZATION_IMAGES = 64
# Layers whose values are some of those that they read: both have one scale.
_CHOOSING = (nn.MaxPool2d, nn.Flatten)
# Layers that work out new values in integers.
_COMPUTING = (nn.Conv2d, nn.Linear, nn.AdaptiveAvgPool2d, nn.AvgPool2d, Add)
# What the levels of a value do by themselves where the lowest of them is 0.
_CLIPPING = (nn.ReLU, nn.ReLU6)
# Levels of an activation, and the lowest of them.
_LEVELS, _LOWEST = 255, -128
# Levels of a weight to both sides of zero: -128 is not used.
WEIGHT_LEVELS = 127
# Room for the sum beside a 32-bit bias.
_LARGEST_BIAS = 2**30


@dataclass(frozen=True)
class Levels:
    """A value is (level - zero) x scale; its levels are int8."""

    scale: float
    zero: int


@dataclass(frozen=True)
class IntegerWeights:
    """A weight is its level x the scale of its output channel, which is the first axis."""

    levels: NDArray[np.int8]
    scales: NDArray[np.float32]
    # A bias is its level x the step of its channel's sum: the scale of what the layer reads times that of its weights.
    bias: NDArray[np.int32]
    steps: NDArray[np.float32]


@dataclass(frozen=True)
class Integers:
    # The network with one whole number as the mean of its images, so that a pixel's level is the pixel - 128.
    network: Folded
    # Levels of IMAGES and of what each step hands on, by its name; a layer that is clipped has those of its clipping.
    values: Mapping[str, Levels]
    weights: Mapping[str, IntegerWeights]
    # The ReLU or ReLU6 that needs no operator, by the name of the layer before it, whose levels clip by themselves.
    clipped: Mapping[str, Step]

    @property
    def grey(self) -> int:
        """The pixel that counts as zero."""
        return int(self.network.mean[0])

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that need an operator."""
        clipping = {step.name for step in self.clipped.values()}
        return tuple(step for step in self.network.steps if step.name not in clipping)

    def result(self, step: Step) -> str:
        """The name under which others read what the step hands on."""
        return self.clipped[step.name].name if step.name in self.clipped else step.name


@one_thread()
def integers(network: Folded, pixels: NDArray[np.uint8], *, equalize: bool) -> Integers:
    """`pixels`: training images.

    On one thread: beside other work, two of torch's wait for each other at every layer and take eight times as long.
    """
    if equalize:
        names = [pair.value for pair in pairs(network)]
        network = equalized(network, largest_per_channel(network, names, pixels[:_EQUALIZATION_IMAGES]))
    network = with_one_zero(network)
    clipped = _clipped(network)
    measured = [step.name for step in network.steps if step.name not in clipped]
    spans = ranges(network, measured, pixels[:_CALIBRATION_IMAGES]) | {IMAGES: _grey_range(network)}
    values = {name: _levels(span) for name, span in handed_on(network, spans).items()}
    weights = {step.name: _weights(network, step, values[step.reads[0]].scale) for step in network.weighted}
    return Integers(network, values, weights, clipped)


def integer_values(network: Folded) -> tuple[str, ...]:
    """What layers with integer kernels read."""
    return tuple(dict.fromkeys(name for step in network.steps if not clips(step) for name in step.reads))


def clips(step: Step) -> bool:
    """Whether it is a ReLU or a ReLU6, which has no integer kernel of its own everywhere."""
    return isinstance(step.layer, _CLIPPING)


def handed_on(network: Folded, measured: Mapping[str, Range]) -> dict[str, Range]:
    """The ranges, where a layer that only chooses among values has that of the values."""
    spans = dict(measured)
    for step in network.steps:
        if isinstance(step.layer, _CHOOSING) and step.name in spans:
            spans[step.name] = spans[step.reads[0]]
    return spans


def with_one_zero(network: Folded) -> Folded:
    """Raw images need no arithmetic before the first layer: its bias takes what the channels' means differ by.

    An integer kernel has one zero for all channels. It pads with that, so the border alone is a few levels of grey
    off. Where others than convolutions read the images, a convolution before them normalises each channel.
    """
    zero = float(np.clip(np.rint(network.mean.mean()), 0, 255))
    beyond = zero - network.mean
    grey = np.full_like(network.mean, zero)
    weights = dict(network.weights)
    if network.scale is None:
        for step in network.steps:
            if IMAGES in step.reads:
                layer_weights = weights[step.name]
                weights[step.name] = replace(
                    layer_weights, bias=layer_weights.bias + np.einsum("oihw,i->o", layer_weights.weight, beyond)
                )
        return replace(network, weights=weights, mean=grey)
    first = Step("normalised", depthwise(len(grey)), (IMAGES,))
    while first.name in {step.name for step in network.steps}:
        first = replace(first, name=f"{first.name}_images")
    weights[first.name] = Weights(network.scale.reshape(-1, 1, 1, 1), network.scale * beyond)
    others = (
        replace(step, reads=tuple(first.name if name == IMAGES else name for name in step.reads))
        for step in network.steps
    )
    return replace(
        network,
        steps=(first, *others),
        weights=weights,
        windows={**network.windows, first.name: POINT},
        mean=grey,
        scale=None,
    )


def _grey_range(network: Folded) -> Range:
    """The range of the images in which there is a level for each pixel."""
    return -float(network.mean[0]), 255 - float(network.mean[0])


def _clipped(network: Folded) -> dict[str, Step]:
    """A layer that works out new values, and the clipping that alone reads them.

    An integer layer has to read the result: only then are there levels in every format, and all begin at 0.
    """
    clipped = {}
    quantized = integer_values(network)
    for step in network.steps:
        following = network.only_reader(step.name) if isinstance(step.layer, _COMPUTING) else None
        if following is not None and clips(following) and following.name in quantized:
            clipped[step.name] = following
    return clipped


def _levels(span: Range) -> Levels:
    low, high = span
    # A value that is always 0 needs a scale all the same.
    scale = float(np.float32((high - low) / _LEVELS or 1.0))
    return Levels(scale, int(np.clip(np.rint(_LOWEST - low / scale), _LOWEST, -_LOWEST - 1)))


def _weights(network: Folded, step: Step, scale: float) -> IntegerWeights:
    """`scale`: of what the step reads."""
    weight, bias = network.weights[step.name].weight, network.weights[step.name].bias
    scales = np.abs(weight).reshape(len(weight), -1).max(axis=1) / WEIGHT_LEVELS
    scales = np.maximum(scales, np.maximum(np.abs(bias) / (scale * _LARGEST_BIAS), 1e-12)).astype(np.float32)
    steps = (scale * scales).astype(np.float32)
    return IntegerWeights(
        levels=_rounded(weight, scales.reshape(-1, *[1] * (weight.ndim - 1))).astype(np.int8),
        scales=scales,
        bias=_rounded(bias, steps).astype(np.int32),
        steps=steps,
    )


def _rounded(values: Array, scales: NDArray[np.float32]) -> Array:
    return np.rint(values / scales.astype(np.float64))
