"""Shape: the layers of a network by its widths and halvings, and what they cost; known without building it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from space.data.images import ImageShape

# The images of CIFAR-10.
IMAGE, CLASSES = ImageShape(channels=3, side=32), 10


@dataclass(frozen=True, slots=True)
class Layer:
    # Channels read by each output channel, output channels, side of the kernel and of the output.
    reads: int
    channels: int
    kernel: int
    side: int

    @property
    def values(self) -> int:
        return self.channels * self.side**2

    @property
    def macs(self) -> int:
        return self.values * self.reads * self.kernel**2

    @property
    def weights(self) -> int:
        return self.channels * self.reads * self.kernel**2


@lru_cache(maxsize=10_000)
def layers(widths: tuple[int, ...], halvings: tuple[int, ...]) -> tuple[Layer, ...]:
    """Every convolution and the classifier, in the order in which they run."""
    side, channels, found = IMAGE.side, IMAGE.channels, []
    for index, width in enumerate(widths):
        if not width:
            continue
        if index in halvings:
            side = (side + 1) // 2
        if index == 0:
            found.append(Layer(channels, width, 3, side))
        else:
            found += [Layer(1, channels, 3, side), Layer(channels, width, 1, side)]
        channels = width
    return (*found, Layer(channels, CLASSES, 1, 1))


def strides(widths: Sequence[int], halvings: Sequence[int]) -> tuple[tuple[int, bool], ...]:
    """Width of each unit that is there, and whether it halves: what tells networks apart, whichever blocks are left."""
    return tuple((width, index in halvings) for index, width in enumerate(widths) if width)
