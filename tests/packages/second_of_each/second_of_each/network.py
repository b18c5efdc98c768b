"""A network with a residual sum and a flattened map, for images of one channel and 28 pixels."""

from __future__ import annotations

from collections.abc import Sequence

from space.data.images import ImageShape
from space.networks.network import Choosable, Layer, check_units, ladder

NAME = "tiny_residual"


class _TinyResidual:
    name = NAME
    title = "Tiny residual network"
    image = ImageShape(channels=1, side=28)
    classes = 10
    # The stem's channels are those of the sum as well; the block is what is added to them.
    units = (
        Choosable("stem", 32, ladder(32)),
        Choosable("block", 48, ladder(48), removable=True),
        Choosable("tail", 16, ladder(16)),
    )
    halvings = ()
    any_size = False
    batchnorm = True
    baselines = None
    near_identity = False
    linear_depthwise = False
    # A flattened map has no mean that would level a step too long.
    peak_rate = 0.02

    def consistent(self, widths: Sequence[int]) -> tuple[int, ...]:
        return tuple(widths)

    def check_shape(self, widths: Sequence[int], halvings: Sequence[int]) -> None:
        check_units(self, widths, halvings)

    def layers(
        self, widths: Sequence[int], halvings: Sequence[int], shape: ImageShape, classes: int
    ) -> tuple[Layer, ...]:
        stem, block, tail = widths
        side = (shape.side + 1) // 2
        inner = (Layer(stem, block, 3, side), Layer(block, stem, 3, side)) if block else ()
        return (
            Layer(shape.channels, stem, 3, side),
            *inner,
            Layer(stem, tail, 1, side // 2),
            Layer(tail * (side // 2) ** 2, classes, 1, 1),
        )

    def same(self, widths: Sequence[int], halvings: Sequence[int]) -> tuple[int, ...]:
        return tuple(widths)

    def built(self, widths: Sequence[int], halvings: Sequence[int], shape: ImageShape, classes: int):
        from second_of_each.residual import Residual

        return Residual(widths, shape, classes)


TINY_RESIDUAL = _TinyResidual()
