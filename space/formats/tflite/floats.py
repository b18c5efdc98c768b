"""Floats: a file that computes in float32, its images numbers from 0 to 255; weights in 8 bits where asked for."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray
from torch import nn

from space.formats.folded import Array, Folded
from space.formats.integers import WEIGHT_LEVELS
from space.formats.tflite.network import Arranged, fused
from space.formats.tflite.writer import Levels, Writer
from space.networks.steps import Add, Step

_CODES = schema.BuiltinOperator
# Layers whose operator can clip its result.
_CLIPPING = (nn.Conv2d, nn.Linear, nn.MaxPool2d, nn.AvgPool2d, Add)
# Weights of fewer numbers stay float32, as TensorFlow's converter leaves them: what they would save, finding the range
# of each image costs.
LEAST_QUANTIZED = 1024
# Versions from which on an operator takes float values and 8-bit weights with a scale for each channel.
_HYBRID_VERSIONS = {_CODES.CONV_2D: 5, _CODES.DEPTHWISE_CONV_2D: 6, _CODES.FULLY_CONNECTED: 9}


@dataclass
class Floats:
    network: Folded
    # Whether large weights are int8, and what they are multiplied with is made int8 anew for each image.
    dynamic: bool = False
    kind: type[np.generic] = np.float32
    # Tensors of weights in 8 bits.
    _hybrid: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        following = {
            step.name: reader
            for step in self.network.steps
            if isinstance(step.layer, _CLIPPING)
            and (reader := self.network.only_reader(step.name)) is not None
            and isinstance(reader.layer, nn.ReLU | nn.ReLU6)
        }
        self._following = following
        clipping = {step.name for step in following.values()}
        self.steps: Sequence[Step] = tuple(step for step in self.network.steps if step.name not in clipping)

    def levels(self, value: str) -> None:
        return None

    def activation(self, step: Step) -> tuple[int, str]:
        following = self._following.get(step.name)
        if following is None:
            return schema.ActivationFunctionType.NONE, step.name
        return fused(following), following.name

    def taken(self, writer: Writer, image: int) -> int:
        """The image's mean is subtracted by an operator of its own: zero padding has to stay the mean of the image."""
        side, channels = self.network.image.side, self.network.image.channels
        shape = (1, side, side, channels)

        def of_row(values: Array) -> NDArray[np.float32]:
            """The values for each place of a row: XNNPACK takes three numbers at a time where there is one for each
            channel alone, which costs a small network a quarter of its time."""
            return np.tile(values.astype(np.float32), (1, side, 1))

        if self.network.mean.any():
            mean = writer.constant("mean", of_row(self.network.mean))
            centred = writer.value("centred", shape, np.float32)
            writer.operator(_CODES.SUB, [image, mean], centred, schema.SubOptionsT())
            image = centred
        if self.network.scale is not None:
            scale = writer.constant("scale", of_row(self.network.scale))
            scaled = writer.value("scaled", shape, np.float32)
            writer.operator(_CODES.MUL, [image, scale], scaled, schema.MulOptionsT())
            image = scaled
        return image

    def weights(self, writer: Writer, step: Step, arranged: Arranged, axis: int) -> tuple[int, int]:
        stored = self.network.weights[step.name]
        bias = writer.constant(f"{step.name}.bias", stored.bias.astype(np.float32))
        name = f"{step.name}.weight"
        if not self.dynamic or stored.weight.size < LEAST_QUANTIZED:
            return writer.constant(name, arranged(stored.weight).astype(np.float32)), bias
        largest = np.abs(stored.weight).reshape(len(stored.weight), -1).max(axis=1)
        if isinstance(step.layer, nn.Linear):
            # One scale for all: up to tflite-runtime 2.14 interpreters read no other one here, and answer by the bias.
            largest = largest.max(keepdims=True)
        scales = np.maximum(largest / WEIGHT_LEVELS, 1e-12)
        numbers = np.rint(stored.weight / scales.reshape(-1, *[1] * (stored.weight.ndim - 1))).astype(np.int8)
        levels = Levels(scales.tolist(), [0] * len(scales), axis)
        kernel = writer.constant(name, np.ascontiguousarray(arranged(numbers)), levels)
        self._hybrid.add(kernel)
        return kernel, bias

    def averaging(self, writer: Writer, step: Step, kernel: tuple[int, int], channels: int) -> tuple[int, int]:
        raise NotImplementedError("a mean of floats is an operator")

    def version(self, code: int, weights: int | None) -> int:
        return _HYBRID_VERSIONS.get(code, 1) if weights in self._hybrid else 1
