"""MobileNet-v1 for 32x32 images: a stem and thirteen depthwise-separable blocks, each with a width of its own."""

from collections.abc import Sequence

from torch import nn

from space.data.images import ImageShape
from space.networks.mobilenet_v1.description import MOBILENET_V1
from space.networks.mobilenet_v1.layers import CLASSES, IMAGE
from space.networks.mobilenet_v1.shape import HALVINGS, WIDTHS, unit_name
from space.networks.prunable import Prunable
from space.networks.unit import Reader, Unit, Writer


class MobileNetV1(nn.Sequential, Prunable):
    """One width per unit; a block whose width is 0 is not there. Leaves are registered in the order they run."""

    def __init__(
        self,
        widths: Sequence[int] = WIDTHS,
        halvings: Sequence[int] = HALVINGS,
        *,
        image: ImageShape = IMAGE,
        classes: int = CLASSES,
    ) -> None:
        super().__init__()
        self.widths = tuple(widths)
        self.halvings = tuple(halvings)
        self.image, self.classes = image, classes
        self.depthwise_relu = True
        MOBILENET_V1.check_shape(self.widths, self.halvings)

        stem = nn.Sequential()
        stem.add_module("conv", nn.Conv2d(image.channels, widths[0], 3, self._stride(0), 1, bias=False))
        stem.add_module("conv_bn", nn.BatchNorm2d(widths[0]))
        stem.add_module("conv_relu", nn.ReLU())
        self.add_module("stem", stem)

        channels = widths[0]
        for index, width in enumerate(widths[1:], start=1):
            if width == 0:
                continue
            block = nn.Sequential()
            block.add_module(
                "depthwise", nn.Conv2d(channels, channels, 3, self._stride(index), 1, groups=channels, bias=False)
            )
            block.add_module("depthwise_bn", nn.BatchNorm2d(channels))
            block.add_module("depthwise_relu", nn.ReLU())
            block.add_module("pointwise", nn.Conv2d(channels, width, 1, bias=False))
            block.add_module("pointwise_bn", nn.BatchNorm2d(width))
            block.add_module("pointwise_relu", nn.ReLU())
            self.add_module(unit_name(index), block)
            channels = width

        self.add_module("pool", nn.AdaptiveAvgPool2d(1))
        self.add_module("flatten", nn.Flatten())
        self.add_module("classifier", nn.Linear(channels, classes))

    def _stride(self, index: int) -> int:
        return 2 if index in self.halvings else 1

    def units(self) -> tuple[Unit, ...]:
        """What can be made narrower, in the order in which it runs; a removed block has no unit."""
        present = [index for index, width in enumerate(self.widths) if width]
        units = []
        for index, following in zip(present, [*present[1:], None], strict=True):
            conv = "stem.conv" if index == 0 else f"{unit_name(index)}.pointwise"
            followers: tuple[str, ...] = ()
            reader = "classifier"
            if following is not None:
                block = unit_name(following)
                followers = (f"{block}.depthwise", f"{block}.depthwise_bn")
                reader = f"{block}.pointwise"
            writers = (Writer(conv, f"{conv}_bn"),)
            units.append(Unit(unit_name(index), index, self.widths[index], writers, followers, (Reader(reader),)))
        return tuple(units)

    def reshaped(self, widths: Sequence[int], halvings: Sequence[int]) -> "MobileNetV1":
        """A new network of another shape, its weights not yet set."""
        model = MobileNetV1(widths, halvings, image=self.image, classes=self.classes)
        return model if self.depthwise_relu else model.without_depthwise_relu()

    def without_depthwise_relu(self) -> "MobileNetV1":
        self.depthwise_relu = False
        for index, width in enumerate(self.widths[1:], start=1):
            if width:
                self.get_submodule(unit_name(index)).add_module("depthwise_relu", nn.Identity())
        return self
