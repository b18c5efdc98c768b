"""MobileNet-v1 as a network that can be chosen; loads nothing heavy."""

from collections.abc import Hashable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from space.data.images import ImageShape
from space.networks.mobilenet_v1.layers import CLASSES, IMAGE, layers, strides
from space.networks.mobilenet_v1.shape import HALVINGS, NAME, TITLE, WIDTHS, unit_name
from space.networks.network import Choosable, Layer, check_units, ladder

if TYPE_CHECKING:
    from space.networks.prunable import Prunable


class _MobileNetV1:
    name = NAME
    title = TITLE
    image = IMAGE
    classes = CLASSES
    halvings = HALVINGS
    any_size = True
    batchnorm = True
    near_identity = True
    linear_depthwise = True
    # What small networks need: little is left to inherit, much to learn.
    peak_rate = 0.4
    # The baseline of the generated images: `python -m search baseline` trained it (seed 0, in 8 min of one busy core),
    # and a newcomer need not wait for it. Halves of floating-point numbers are enough.
    baselines = Path(__file__).parent / "baselines"

    @cached_property
    def units(self) -> tuple[Choosable, ...]:
        return tuple(
            Choosable(unit_name(index), width, ladder(width), removable=index > 0) for index, width in enumerate(WIDTHS)
        )

    def consistent(self, widths: Sequence[int]) -> tuple[int, ...]:
        return tuple(widths)

    def check_shape(self, widths: Sequence[int], halvings: Sequence[int]) -> None:
        check_units(self, widths, halvings)

    def layers(
        self, widths: Sequence[int], halvings: Sequence[int], shape: ImageShape, classes: int
    ) -> tuple[Layer, ...]:
        return layers(tuple(widths), tuple(halvings), shape, classes)

    def same(self, widths: Sequence[int], halvings: Sequence[int]) -> Hashable:
        return strides(widths, halvings)

    def built(self, widths: Sequence[int], halvings: Sequence[int], shape: ImageShape, classes: int) -> "Prunable":
        from space.networks.mobilenet_v1.network import MobileNetV1

        return MobileNetV1(widths, halvings, image=shape, classes=classes)


MOBILENET_V1 = _MobileNetV1()
