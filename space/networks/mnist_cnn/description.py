"""The MNIST network as one that can be chosen; loads nothing heavy."""

from collections.abc import Hashable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING

from space.data.images import ImageShape
from space.networks.mnist_cnn.layers import CLASSES, IMAGE, layers
from space.networks.mnist_cnn.shape import CONV1, FC1, NAME, TITLE, UNITS
from space.networks.network import CONV, LINEAR, Choosable, Layer, check_units, ladder

if TYPE_CHECKING:
    from space.networks.prunable import Prunable


class _MnistCnn:
    name = NAME
    title = TITLE
    image = IMAGE
    classes = CLASSES
    halvings = ()
    # It flattens a map.
    any_size = False
    batchnorm = False
    near_identity = False
    linear_depthwise = False
    # No BatchNorm forgives a step too long: its first recipe ends at 98.31 % on MNIST's test images after three epochs,
    # at 0.1 at 59.38 %.
    peak_rate = 0.02
    baselines = None

    @cached_property
    def units(self) -> tuple[Choosable, ...]:
        return tuple(
            Choosable(name, width, ladder(width), removable=place != CONV1, kind=LINEAR if place == FC1 else CONV)
            for place, (name, width) in enumerate(UNITS.items())
        )

    def consistent(self, widths: Sequence[int]) -> tuple[int, ...]:
        return tuple(widths)

    def check_shape(self, widths: Sequence[int], halvings: Sequence[int]) -> None:
        check_units(self, widths, halvings)

    def layers(
        self, widths: Sequence[int], halvings: Sequence[int], shape: ImageShape, classes: int
    ) -> tuple[Layer, ...]:
        return layers(tuple(widths), shape, classes)

    def same(self, widths: Sequence[int], halvings: Sequence[int]) -> Hashable:
        return tuple(widths)

    def built(self, widths: Sequence[int], halvings: Sequence[int], shape: ImageShape, classes: int) -> "Prunable":
        from space.networks.mnist_cnn.network import MnistCnn

        return MnistCnn(widths, image=shape, classes=classes)


MNIST_CNN = _MnistCnn()
