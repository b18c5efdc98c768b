"""MobileNetV2 as a network that can be chosen; loads nothing heavy."""

from collections.abc import Hashable, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from space.data.images import ImageShape
from space.networks.mobilenet_v2.layers import CLASSES, IMAGE, layers
from space.networks.mobilenet_v2.shape import (
    BLOCKS,
    HALVINGS,
    HEAD,
    NAME,
    STEM,
    TITLE,
    UNIT_NAMES,
    WIDTHS,
    inverted,
    without_empty_stages,
)
from space.networks.network import Choosable, Layer, check_units, ladder

if TYPE_CHECKING:
    from space.networks.prunable import Prunable


class _MobileNetV2:
    name = NAME
    title = TITLE
    image = IMAGE
    classes = CLASSES
    halvings = HALVINGS
    any_size = True
    batchnorm = True
    # The first block of each stage has no shortcut. On the generated images the loss of the first four epochs is 2.34,
    # 2.38, 2.34 and 2.33 with such a beginning, without it 2.34, 2.40, 2.39 and 2.37.
    near_identity = True
    linear_depthwise = False
    # The rate is MobileNet-v1's. From random weights a network of 0.60 M MACs reaches 60.0 % on validation of CIFAR-10
    # in three epochs at this rate, and 59.7 % at half of it: they are level, the standard error being 0.7.
    peak_rate = 0.4
    # The baseline of the generated images, of 93.0 % on validation, so that a newcomer need not wait for it. The
    # images' own schedule brings this network to 25 % in 20 of its 23 epochs: this one was trained for 48 epochs, of
    # 16, then 24, then 32 pixels, at two thirds of its rate (seed 0).
    baselines = Path(__file__).parent / "baselines"

    @cached_property
    def units(self) -> tuple[Choosable, ...]:
        halving = {STEM, *(block.place for block in BLOCKS)}
        return tuple(
            Choosable(name, width, ladder(width), removable=index != STEM, halves=index in halving)
            for index, (name, width) in enumerate(zip(UNIT_NAMES, WIDTHS, strict=True))
        )

    def consistent(self, widths: Sequence[int]) -> tuple[int, ...]:
        return without_empty_stages(widths)

    def check_shape(self, widths: Sequence[int], halvings: Sequence[int]) -> None:
        check_units(self, widths, halvings)
        if tuple(widths) != without_empty_stages(widths):
            raise ValueError(f"widths {tuple(widths)}: a stage is gone where its blocks are, and they are where it is")

    def layers(
        self, widths: Sequence[int], halvings: Sequence[int], shape: ImageShape, classes: int
    ) -> tuple[Layer, ...]:
        return layers(tuple(widths), tuple(halvings), shape, classes)

    def same(self, widths: Sequence[int], halvings: Sequence[int]) -> Hashable:
        """A shortcut tells blocks of one stage from blocks of several of one width."""
        parts = (
            (block.block.expansion is not None, block.filtered, block.width, block.halves, block.shortcut)
            for block in inverted(widths, halvings)
        )
        return widths[STEM], STEM in halvings, widths[HEAD], tuple(parts)

    def built(self, widths: Sequence[int], halvings: Sequence[int], shape: ImageShape, classes: int) -> "Prunable":
        from space.networks.mobilenet_v2.network import MobileNetV2

        return MobileNetV2(widths, halvings, image=shape, classes=classes)


MOBILENET_V2 = _MobileNetV2()
