"""Prunable: what pruning, training and export ask of a built network."""

from collections.abc import Sequence
from typing import Self

from torch import nn

from space.data.images import ImageShape
from space.networks.unit import Unit


class Prunable(nn.Module):
    """A network with one width for each unit; whoever derives from it sets these four.

    A unit whose width is 0 is not there.
    """

    widths: tuple[int, ...]
    halvings: tuple[int, ...]
    image: ImageShape
    classes: int

    def units(self) -> tuple[Unit, ...]:
        """What can be made narrower, in the order in which it runs; a removed block has no unit."""
        raise NotImplementedError

    def without_depthwise_relu(self) -> Self:
        """The network itself, changed in place: what its depthwise layers hand on is clipped no more, nor in its
        reshaped ones. Only where the network's description says that it can be."""
        raise NotImplementedError

    def reshaped(self, widths: Sequence[int], halvings: Sequence[int]) -> Self:
        """A new network of another shape for the same images, its weights not yet set."""
        raise NotImplementedError
