"""Layers of MobileNet-v1 by widths and halvings, and what they cost; known without building it."""

from collections.abc import Sequence
from functools import lru_cache

from space.data.images import ImageShape
from space.networks.network import Layer

# The images of CIFAR-10.
IMAGE, CLASSES = ImageShape(channels=3, side=32), 10


@lru_cache(maxsize=10_000)
def layers(
    widths: tuple[int, ...], halvings: tuple[int, ...], image: ImageShape = IMAGE, classes: int = CLASSES
) -> tuple[Layer, ...]:
    """Every convolution and the classifier, in the order in which they run."""
    side, channels, in_order = image.side, image.channels, []
    for index, width in enumerate(widths):
        if not width:
            continue
        if index in halvings:
            side = (side + 1) // 2
        if index == 0:
            in_order.append(Layer(channels, width, 3, side))
        else:
            in_order += [Layer(1, channels, 3, side), Layer(channels, width, 1, side)]
        channels = width
    return (*in_order, Layer(channels, classes, 1, 1))


def strides(widths: Sequence[int], halvings: Sequence[int]) -> tuple[tuple[int, bool], ...]:
    """Width of each unit that is there, and whether it halves: what tells networks apart, whichever blocks are left."""
    return tuple((width, index in halvings) for index, width in enumerate(widths) if width)
