"""Layers of the MNIST network by widths, and what they cost; known without building it."""

from space.data.images import ImageShape
from space.networks.mnist_cnn.shape import CONV1, CONV2, FC1, KERNEL, sides
from space.networks.network import Layer

# The images of MNIST.
IMAGE, CLASSES = ImageShape(channels=1, side=28), 10


def layers(widths: tuple[int, ...], image: ImageShape = IMAGE, classes: int = CLASSES) -> tuple[Layer, ...]:
    """Every layer with weights, in the order in which they run."""
    *maps, pooled = sides(image.side, widths)
    channels, costs = image.channels, []
    for place in (CONV1, CONV2):
        if widths[place]:
            costs.append(Layer(channels, widths[place], KERNEL, maps[place]))
            channels = widths[place]
    columns = channels * pooled**2
    if widths[FC1]:
        costs.append(Layer(columns, widths[FC1], 1, 1))
        columns = widths[FC1]
    return (*costs, Layer(columns, classes, 1, 1))
