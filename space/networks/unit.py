"""Unit: what one width governs in a built network, in the words of any architecture.

Names are those of `torch.nn.Module.get_submodule`.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Writer:
    """A convolution, or a linear layer, that makes a unit's channels."""

    layer: str
    # The BatchNorm of its own channels, before anything is added to them.
    norm: str | None = None


@dataclass(frozen=True, slots=True)
class Reader:
    """A layer that takes a unit's channels in."""

    layer: str
    # How many columns of its weights belong to each channel: more than one where a map is flattened.
    columns: int = 1


@dataclass(frozen=True, slots=True)
class Unit:
    """Channels of one width, with everything that has an entry for each of them.

    Several writers make them where their sum is handed on, as in a residual stage. Followers (a depthwise convolution
    and its BatchNorm, say) hold one entry for each channel; readers take them in.
    """

    name: str
    index: int
    width: int
    writers: tuple[Writer, ...]
    followers: tuple[str, ...]
    readers: tuple[Reader, ...]

    @property
    def holders(self) -> tuple[str, ...]:
        """Every layer whose tensors have one entry for each channel."""
        norms = (writer.norm for writer in self.writers)
        return (
            *(writer.layer for writer in self.writers),
            *(norm for norm in norms if norm is not None),
            *self.followers,
        )
