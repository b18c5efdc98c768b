"""Layers of MobileNetV2 by widths and halvings, and what they cost; known without building it."""

from functools import lru_cache

from space.data.images import ImageShape
from space.networks.mobilenet_v2.shape import HEAD, STEM, inverted
from space.networks.network import Layer

# The images of CIFAR-10.
IMAGE, CLASSES = ImageShape(channels=3, side=32), 10


@lru_cache(maxsize=10_000)
def layers(
    widths: tuple[int, ...], halvings: tuple[int, ...], image: ImageShape = IMAGE, classes: int = CLASSES
) -> tuple[Layer, ...]:
    """Every convolution and the classifier, in the order in which they run."""
    side = _side(image.side, STEM in halvings)
    channels = widths[STEM]
    costs = [Layer(image.channels, channels, 3, side)]
    for block in inverted(widths, halvings):
        if block.block.expansion is not None:
            costs.append(Layer(block.channels, block.filtered, 1, side))
        side = _side(side, block.halves)
        costs += [Layer(1, block.filtered, 3, side), Layer(block.filtered, block.width, 1, side)]
        channels = block.width
    if widths[HEAD]:
        costs.append(Layer(channels, widths[HEAD], 1, side))
        channels = widths[HEAD]
    return (*costs, Layer(channels, classes, 1, 1))


def _side(side: int, halved: bool) -> int:
    return (side + 1) // 2 if halved else side
