"""Whole: a file that computes in int8 throughout, its images bytes less 128, its answer levels of the logits."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray

from space.formats.integers import WEIGHT_LEVELS, Integers
from space.formats.tflite.network import Arranged
from space.formats.tflite.writer import Levels, Writer
from space.networks.steps import Step

_CODES = schema.BuiltinOperator
# Versions from which on an operator computes in int8; convolutions with a scale for each output channel.
_VERSIONS = {_CODES.CONV_2D: 3, _CODES.DEPTHWISE_CONV_2D: 3, _CODES.FULLY_CONNECTED: 4, _CODES.RESHAPE: 1}
_VERSION = 2


@dataclass(frozen=True)
class Whole:
    integers: Integers
    kind: type[np.generic] = np.int8

    @property
    def steps(self) -> Sequence[Step]:
        return self.integers.steps

    def levels(self, value: str) -> Levels:
        levels = self.integers.values[value]
        return Levels([levels.scale], [levels.zero])

    def activation(self, step: Step) -> tuple[int, str]:
        """Levels that begin at 0 clip by themselves."""
        return schema.ActivationFunctionType.NONE, self.integers.result(step)

    def taken(self, writer: Writer, image: int) -> int:
        return image

    def weights(self, writer: Writer, step: Step, arranged: Arranged, axis: int) -> tuple[int, int]:
        stored = self.integers.weights[step.name]
        zeros = [0] * len(stored.scales)
        numbers = np.ascontiguousarray(arranged(stored.levels))
        kernel = writer.constant(f"{step.name}.weight", numbers, Levels(stored.scales.tolist(), zeros, axis))
        return kernel, self._bias(writer, step, stored.bias, stored.steps)

    def averaging(self, writer: Writer, step: Step, kernel: tuple[int, int], channels: int) -> tuple[int, int]:
        scales = np.full(channels, 1 / (kernel[0] * kernel[1] * WEIGHT_LEVELS), np.float32)
        numbers = np.full((1, *kernel, channels), WEIGHT_LEVELS, np.int8)
        levels = Levels(scales.tolist(), [0] * channels, 3)
        steps = (self.integers.values[step.reads[0]].scale * scales).astype(np.float32)
        bias = self._bias(writer, step, np.zeros(channels, np.int32), steps)
        return writer.constant(f"{step.name}.weight", numbers, levels), bias

    def _bias(self, writer: Writer, step: Step, numbers: NDArray[np.int32], steps: NDArray[np.float32]) -> int:
        return writer.constant(f"{step.name}.bias", numbers, Levels(steps.tolist(), [0] * len(steps)))

    def version(self, code: int, weights: int | None) -> int:
        return _VERSIONS.get(code, _VERSION)
