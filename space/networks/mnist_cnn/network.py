"""The network of PyTorch's MNIST example: two convolutions, a pooled map that is flattened, and two linear layers."""

from collections.abc import Sequence

from torch import nn

from space.data.images import ImageShape
from space.networks.mnist_cnn.description import MNIST_CNN
from space.networks.mnist_cnn.layers import CLASSES, IMAGE
from space.networks.mnist_cnn.shape import CONV2, FC1, KERNEL, POOL, UNITS, WIDTHS, sides
from space.networks.prunable import Prunable
from space.networks.unit import Reader, Unit, Writer

# Shares that the example drops in training: of the flattened map, and of what fc1 hands on.
_DROPPED_MAP, _DROPPED_FC1 = 0.25, 0.5


class MnistCnn(nn.Sequential, Prunable):
    """One width for each unit; what has width 0 is not there."""

    def __init__(self, widths: Sequence[int] = WIDTHS, *, image: ImageShape = IMAGE, classes: int = CLASSES) -> None:
        super().__init__()
        self.widths, self.halvings = tuple(widths), ()
        self.image, self.classes = image, classes
        MNIST_CNN.check_shape(self.widths, self.halvings)
        channels = image.channels
        for name, width in zip(list(UNITS)[: CONV2 + 1], widths, strict=False):
            if width:
                self.add_module(name, nn.Conv2d(channels, width, KERNEL))
                self.add_module(f"{name}_relu", nn.ReLU())
                channels = width
        self.add_module("pool", nn.MaxPool2d(POOL))
        self.add_module("dropout1", nn.Dropout(_DROPPED_MAP))
        self.add_module("flatten", nn.Flatten())
        columns = channels * self._places
        if widths[FC1]:
            self.add_module("fc1", nn.Linear(columns, widths[FC1]))
            self.add_module("fc1_relu", nn.ReLU())
            self.add_module("dropout2", nn.Dropout(_DROPPED_FC1))
            columns = widths[FC1]
        self.add_module("classifier", nn.Linear(columns, classes))

    @property
    def _places(self) -> int:
        """Pixels of each channel of the flattened map."""
        return sides(self.image.side, self.widths)[-1] ** 2

    def units(self) -> tuple[Unit, ...]:
        """What can be made narrower, in the order in which it runs; what is removed has no unit."""
        present = [(place, name) for place, name in enumerate(UNITS) if self.widths[place]]
        units = []
        readers = [*present[1:], (FC1 + 1, "classifier")]
        for (place, name), (later, reader) in zip(present, readers, strict=True):
            reads = Reader(reader, self._places if place <= CONV2 < later else 1)
            units.append(Unit(name, place, self.widths[place], (Writer(name),), (), (reads,)))
        return tuple(units)

    def reshaped(self, widths: Sequence[int], halvings: Sequence[int]) -> "MnistCnn":
        """A new network of another shape, its weights not yet set."""
        return MnistCnn(widths, image=self.image, classes=self.classes)
