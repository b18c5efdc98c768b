"""Unit: what one width governs, in the words of any architecture."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Unit:
    """A convolution's output channels, with everything that has an entry per channel.

    `conv` makes the channels; `followers` (BatchNorm, the depthwise convolution and its BatchNorm) hold one entry for
    each of them; `consumer` reads them. Names are those of `torch.nn.Module.get_submodule`.
    """

    name: str
    index: int
    width: int
    conv: str
    followers: tuple[str, ...]
    consumer: str
