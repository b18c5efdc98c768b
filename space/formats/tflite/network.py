"""Network: a folded network's layers as the operators of a TensorFlow Lite file, whatever numbers they compute in.

Maps are height x width x channels here, one image at a time.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from ai_edge_litert import schema_py_generated as schema
from numpy.typing import NDArray
from torch import nn

from space.errors import CandidateError
from space.formats.folded import Folded, Window
from space.formats.tflite.writer import Levels, Writer
from space.networks.steps import IMAGES, Add, Step

# What the file calls what it takes and what it gives.
IMAGE, LOGITS = "image", "logits"
_NO_PADS = (0, 0, 0, 0)
_CODES, _ACTIVATIONS = schema.BuiltinOperator, schema.ActivationFunctionType
_FUSED = {nn.ReLU: _ACTIVATIONS.RELU, nn.ReLU6: _ACTIVATIONS.RELU6}


class Numbers(Protocol):
    """What the values and weights of a file are counted in."""

    @property
    def kind(self) -> type[np.generic]:
        """The type of the values that layers hand on."""
        ...

    @property
    def steps(self) -> Sequence[Step]:
        """The steps that need an operator, in the order in which they run."""
        ...

    def levels(self, value: str) -> Levels | None:
        """The levels of IMAGES, or of what the step of this name hands on."""
        ...

    def activation(self, step: Step) -> tuple[int, str]:
        """What the layer's operator does with its result, and the name under which others read that."""
        ...

    def taken(self, writer: Writer, image: int) -> int:
        """The images as the first layers read them."""
        ...

    def weights(self, writer: Writer, step: Step, arranged: "Arranged", axis: int) -> tuple[int, int]:
        """Kernel and bias, `arranged` as the operator reads its kernel, which has its output channels along `axis`."""
        ...

    def averaging(self, writer: Writer, step: Step, kernel: tuple[int, int], channels: int) -> tuple[int, int]:
        """Kernel and bias of a depthwise layer that takes the mean, where the values have levels."""
        ...

    def version(self, code: int, weights: int | None) -> int:
        """The oldest version of an operator that computes in these numbers; `weights`: its kernel's tensor."""
        ...


Arranged = Callable[[NDArray[Any]], NDArray[Any]]


class Network:
    """Writes one operator after the other."""

    def __init__(self, network: Folded, numbers: Numbers) -> None:
        self._network = network
        self._numbers = numbers
        self._writer = Writer()
        side = network.image.side
        shape = (side, side, network.image.channels)
        self._image = self._writer.value(IMAGE, (1, *shape), numbers.kind, numbers.levels(IMAGES))
        # A value's tensor and its shape, without the image's own axis, by the name under which it is read.
        self._tensors = {IMAGES: self._image}
        self._shapes: dict[str, tuple[int, ...]] = {IMAGES: shape}
        # The map that a flattened value was made of, where that has more than one place.
        self._flattened: dict[str, tuple[int, ...]] = {}

    def file(self, metadata: Mapping[str, str]) -> bytes:
        self._tensors[IMAGES] = self._numbers.taken(self._writer, self._image)
        for step in self._numbers.steps:
            _OPERATORS[type(step.layer)](self, step)
        last = self._numbers.steps[-1]
        logits = self._numbers.activation(last)[1]
        if len(self._shapes[logits]) != 1 or logits in self._flattened:
            raise CandidateError(f"{last.name} ends the network and gives no number for each class")
        return self._writer.file(self._image, self._tensors[logits], metadata)

    # --- what layers are made of

    def _result(self, name: str, shape: Sequence[int]) -> int:
        self._shapes[name] = tuple(shape)
        title = LOGITS if name == self._numbers.activation(self._numbers.steps[-1])[1] else name
        self._tensors[name] = self._writer.value(title, (1, *shape), self._numbers.kind, self._numbers.levels(name))
        return self._tensors[name]

    def _operator(self, code: int, reads: Sequence[int], writes: int, options: object | None = None) -> None:
        version = self._numbers.version(code, reads[1] if len(reads) > 1 else None)
        self._writer.operator(code, reads, writes, options, version)

    def _padded(self, step: Step, *, same: bool = True, least: bool = False) -> tuple[int, int, tuple[int, int]]:
        """What a layer that slides reads, how it pads that by itself, and the size of its result.

        SAME pads below and to the right first, torch on both sides alike: where they differ, or `same` is no choice, an
        operator pads; with `least` by what no maximum is.
        """
        window = self._network.windows[step.name]
        value = self._tensors[step.reads[0]]
        height, width, channels = self._shapes[step.reads[0]]
        top, left, bottom, right = window.pads
        size = (
            (height + top + bottom - window.kernel[0]) // window.strides[0] + 1,
            (width + left + right - window.kernel[1]) // window.strides[1] + 1,
        )
        # The last window need not reach the border: what no window sees is not padded.
        ends = (
            (size[0] - 1) * window.strides[0] + window.kernel[0] - top - height,
            (size[1] - 1) * window.strides[1] + window.kernel[1] - left - width,
        )
        needed = (top, left, max(ends[0], 0), max(ends[1], 0))
        if needed == _NO_PADS:
            return value, schema.Padding.VALID, size
        if same and needed == _same((height, width), window):
            return value, schema.Padding.SAME, size
        top, left, bottom, right = needed
        pads = self._writer.constant(
            f"{step.name}.pads", np.array([[0, 0], [top, bottom], [left, right], [0, 0]], np.int32)
        )
        name = f"{step.name}.padded"
        levels = self._numbers.levels(step.reads[0])
        shape = (1, height + top + bottom, width + left + right, channels)
        padded = self._writer.value(name, shape, self._numbers.kind, levels)
        if least:
            number = -math.inf if levels is None else np.iinfo(np.int8).min
            lowest = self._writer.constant(f"{step.name}.least", np.array([number], self._numbers.kind), levels)
            self._operator(_CODES.PADV2, [value, pads, lowest], padded, schema.PadV2OptionsT())
        else:
            self._operator(_CODES.PAD, [value, pads], padded, schema.PadOptionsT())
        return padded, schema.Padding.VALID, size

    # --- layers

    def conv(self, step: Step) -> None:
        layer = step.layer
        assert isinstance(layer, nn.Conv2d)
        outputs, groups = len(self._network.weights[step.name].bias), layer.groups
        depthwise = groups == self._shapes[step.reads[0]][-1] > 1
        value, padding, size = self._padded(step)
        activation, name = self._numbers.activation(step)
        if depthwise:
            weights = self._numbers.weights(self._writer, step, lambda kernel: kernel.transpose(1, 2, 3, 0), axis=3)
        else:
            weights = self._numbers.weights(self._writer, step, lambda kernel: kernel.transpose(0, 2, 3, 1), axis=0)
        code, options = self._sliding(step, padding, activation, outputs // groups if depthwise else None)
        self._operator(code, [value, *weights], self._result(name, (*size, outputs)), options)

    def _sliding(self, step: Step, padding: int, activation: int, multiplier: int | None) -> tuple[int, object]:
        """`multiplier`: maps that a depthwise operator makes of each one."""
        height, width = self._network.windows[step.name].strides
        slides = {"padding": padding, "strideH": height, "strideW": width, "fusedActivationFunction": activation}
        if multiplier is None:
            return _CODES.CONV_2D, schema.Conv2DOptionsT(**slides)
        return _CODES.DEPTHWISE_CONV_2D, schema.DepthwiseConv2DOptionsT(**slides, depthMultiplier=multiplier)

    def linear(self, step: Step) -> None:
        source = step.reads[0]

        def arranged(kernel: NDArray[Any]) -> NDArray[Any]:
            if source not in self._flattened:
                return kernel
            height, width, channels = self._flattened[source]
            return kernel.reshape(-1, channels, height, width).transpose(0, 2, 3, 1).reshape(kernel.shape)

        weights = self._numbers.weights(self._writer, step, arranged, axis=0)
        activation, name = self._numbers.activation(step)
        written = self._result(name, (len(self._network.weights[step.name].bias),))
        options = schema.FullyConnectedOptionsT(
            fusedActivationFunction=activation, asymmetricQuantizeInputs=self._numbers.levels(name) is None
        )
        self._operator(_CODES.FULLY_CONNECTED, [self._tensors[source], *weights], written, options)

    def max_pool(self, step: Step) -> None:
        self._pool(step, _CODES.MAX_POOL_2D, *self._padded(step, least=True))

    def average_pool(self, step: Step) -> None:
        """What is padded counts: an operator pads it, as SAME would leave it out. In integers the pool has the scale of
        what it reads, and XNNPACK does not compute it: there it is a sum of products, by one weight."""
        window = self._network.windows[step.name]
        if window.pads != _NO_PADS and not step.layer.count_include_pad:
            raise CandidateError(f"{step.name}: an average that leaves padding out is not written: {step.layer}")
        value, padding, size = self._padded(step, same=False)
        if self._numbers.levels(step.reads[0]) is None:
            self._pool(step, _CODES.AVERAGE_POOL_2D, value, padding, size)
            return
        channels = self._shapes[step.reads[0]][-1]
        weights = self._numbers.averaging(self._writer, step, window.kernel, channels)
        activation, name = self._numbers.activation(step)
        code, options = self._sliding(step, padding, activation, 1)
        self._operator(code, [value, *weights], self._result(name, (*size, channels)), options)

    def _pool(self, step: Step, code: int, value: int, padding: int, size: tuple[int, int]) -> None:
        window = self._network.windows[step.name]
        activation, name = self._numbers.activation(step)
        options = schema.Pool2DOptionsT(
            padding=padding,
            strideH=window.strides[0],
            strideW=window.strides[1],
            filterHeight=window.kernel[0],
            filterWidth=window.kernel[1],
            fusedActivationFunction=activation,
        )
        self._operator(code, [value], self._result(name, (*size, self._shapes[step.reads[0]][-1])), options)

    def mean(self, step: Step) -> None:
        """The mean is flattened at once, as whatever follows is the same for one place."""
        axes = self._writer.constant(f"{step.name}.axes", np.array([1, 2], np.int32))
        name = self._numbers.activation(step)[1]
        reader = self._network.only_reader(name)
        flat = reader is not None and isinstance(reader.layer, nn.Flatten)
        channels = self._shapes[step.reads[0]][-1]
        written = self._result(name, (channels,) if flat else (1, 1, channels))
        self._operator(
            _CODES.MEAN, [self._tensors[step.reads[0]], axes], written, schema.ReducerOptionsT(keepDims=not flat)
        )

    def flatten(self, step: Step) -> None:
        source = step.reads[0]
        shape = self._shapes[source]
        if len(shape) == 1:
            self._shapes[step.name], self._tensors[step.name] = shape, self._tensors[source]
            self._keep_order(source, step.name)
            return
        if shape[0] * shape[1] > 1:
            self._flattened[step.name] = shape
        flat = (math.prod(shape),)
        wanted = self._writer.constant(f"{step.name}.shape", np.array([1, *flat], np.int32))
        written = self._result(step.name, flat)
        self._operator(
            _CODES.RESHAPE, [self._tensors[source], wanted], written, schema.ReshapeOptionsT(newShape=[1, *flat])
        )

    def add(self, step: Step) -> None:
        activation, name = self._numbers.activation(step)
        reads = [self._tensors[source] for source in step.reads]
        written = self._result(name, self._shapes[step.reads[0]])
        self._keep_order(step.reads[0], name)
        self._operator(_CODES.ADD, reads, written, schema.AddOptionsT(fusedActivationFunction=activation))

    def clip(self, step: Step) -> None:
        code = _CODES.RELU if isinstance(step.layer, nn.ReLU) else _CODES.RELU6
        written = self._result(step.name, self._shapes[step.reads[0]])
        self._keep_order(step.reads[0], step.name)
        self._operator(code, [self._tensors[step.reads[0]]], written)

    def _keep_order(self, source: str, name: str) -> None:
        """What works on each number of a flattened map by itself leaves them in the map's order."""
        if source in self._flattened:
            self._flattened[name] = self._flattened[source]


def fused(step: Step) -> int:
    """The activation that stands in an operator instead of this step."""
    return int(_FUSED[type(step.layer)])


def _same(size: tuple[int, int], window: Window) -> tuple[int, int, int, int]:
    """What SAME pads: above, to the left, below, to the right."""
    pads = []
    for pixels, kernel, stride in zip(size, window.kernel, window.strides, strict=True):
        total = max((math.ceil(pixels / stride) - 1) * stride + kernel - pixels, 0)
        pads.append((total // 2, total - total // 2))
    (top, bottom), (left, right) = pads
    return top, left, bottom, right


_OPERATORS: dict[type[nn.Module], Callable[[Network, Step], None]] = {
    nn.Conv2d: Network.conv,
    nn.Linear: Network.linear,
    nn.MaxPool2d: Network.max_pool,
    nn.AvgPool2d: Network.average_pool,
    nn.AdaptiveAvgPool2d: Network.mean,
    nn.Flatten: Network.flatten,
    Add: Network.add,
    nn.ReLU: Network.clip,
    nn.ReLU6: Network.clip,
}
