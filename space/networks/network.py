"""Network: what can be chosen about an architecture, known without the library that trains it."""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from space.data.images import ImageShape
from space.recipe import Recipe

if TYPE_CHECKING:
    from space.networks.prunable import Prunable

# What makes a unit's channels.
CONV, LINEAR = "conv", "linear"
KINDS = (CONV, LINEAR)
# Multiples of 8, because odd counts are slow.
RUNGS = (1024, 768, 512, 384, 256, 192, 128, 96, 80, 64, 48, 40, 32, 24, 16, 8)


def ladder(width: int, rungs: Sequence[int] = RUNGS) -> tuple[int, ...]:
    """The widths that a unit of this unpruned width may take: its own, then every narrower rung."""
    return (width, *(rung for rung in rungs if rung < width))


def uniform(widths: Sequence[int], share: float) -> tuple[int, ...]:
    """The rung nearest to this share of each width, the wider of two."""
    return tuple(min(RUNGS, key=lambda rung: abs(rung - share * width)) for width in widths)


@dataclass(frozen=True, slots=True)
class Choosable:
    """One unit before a network is built: what may be chosen of it."""

    name: str
    # The unpruned width.
    width: int
    # What it may be narrowed to, the unpruned width first.
    widths: tuple[int, ...]
    # Whether the block may be gone altogether: width 0.
    removable: bool = False
    # Whether the image may be halved in it, where halvings can be moved.
    halves: bool = True
    # One of KINDS.
    kind: str = CONV

    @property
    def steps(self) -> tuple[int, ...]:
        """Its widths from the widest on; the last step of a block is that it is gone."""
        return (*self.widths, 0) if self.removable else self.widths


@dataclass(frozen=True, slots=True)
class Layer:
    """What one convolution or linear layer costs."""

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


class Network(Protocol):
    """One object for each network. Importing it and reading it loads no torch; `built` does."""

    @property
    def name(self) -> str:
        """Its name in recipes, for --architecture and in files: "mobilenet_v1"."""

    @property
    def title(self) -> str:
        """What a person calls it."""

    @property
    def image(self) -> ImageShape:
        """The image it was designed for. Speeds and costs are compared at it; it can be built for any other shape."""

    @property
    def classes(self) -> int:
        """How many classes it was designed for, as `image`."""

    @property
    def units(self) -> tuple[Choosable, ...]:
        """Its units in the order in which they run; a recipe has one width for each."""

    @property
    def halvings(self) -> tuple[int, ...]:
        """Units in which the unpruned network halves the image, where that place can be moved; else none."""

    @property
    def any_size(self) -> bool:
        """Whether one that is built takes images of any size: a flattened map has one size alone."""

    @property
    def batchnorm(self) -> bool:
        """Whether a BatchNorm follows every layer that makes a unit's channels: some criteria judge by its scales."""

    @property
    def near_identity(self) -> bool:
        """Whether its separable blocks learn from few images only if they begin near the identity: not each of them has
        a shortcut."""

    @property
    def linear_depthwise(self) -> bool:
        """Whether the ReLU after its depthwise layers can go."""

    @property
    def peak_rate(self) -> float:
        """The highest learning rate in fine-tuning of its pruned networks; a search asks for no other."""

    @property
    def baselines(self) -> Path | None:
        """A folder with trained ones that come with it: for the images of a fingerprint its weights (.pt) and what is
        known of them (.json, a `Baseline`). None where it comes with none."""

    def consistent(self, widths: Sequence[int]) -> tuple[int, ...]:
        """These widths, but a unit that cannot be there without one that is gone is gone too."""

    def check_shape(self, widths: Sequence[int], halvings: Sequence[int]) -> None:
        """ValueError says what is wrong with a shape; what is not consistent is."""

    def layers(
        self, widths: Sequence[int], halvings: Sequence[int], shape: ImageShape, classes: int
    ) -> tuple[Layer, ...]:
        """What every convolution and linear layer costs, in the order in which they run: known without building it."""

    def same(self, widths: Sequence[int], halvings: Sequence[int]) -> Hashable:
        """A value that is equal for shapes of one network, whichever of their blocks are left."""

    def built(self, widths: Sequence[int], halvings: Sequence[int], shape: ImageShape, classes: int) -> "Prunable":
        """The network of this shape with random weights, for images of this shape."""


def unpruned(network: Network) -> Recipe:
    """The network as it is."""
    widths = tuple(unit.width for unit in network.units)
    return Recipe(architecture=network.name, widths=widths, halvings=network.halvings)


def thinned(network: Network, share: float, every: int = 1) -> Recipe:
    """The network with about this share of each width, and only every so manieth block of those that can go."""
    nearest = [min(unit.widths, key=partial(_apart, share * unit.width)) for unit in network.units]
    are_kept = [not unit.removable or index % every == 0 for index, unit in enumerate(network.units)]
    widths = network.consistent([width if is_kept else 0 for width, is_kept in zip(nearest, are_kept, strict=True)])
    able = [index for index, unit in enumerate(network.units) if unit.halves and widths[index]]
    # Where blocks are gone the image shrinks early, as in the small networks of a search.
    early = able[: len(network.halvings)] if every > 1 else network.halvings
    halvings = tuple(index for index in early if widths[index])
    return Recipe(architecture=network.name, widths=widths, halvings=halvings)


def _apart(first: float, second: float) -> float:
    return abs(first - second)


def check_units(network: Network, widths: Sequence[int], halvings: Sequence[int]) -> None:
    """What is wrong with a shape of any network whose units may be chosen one by one."""
    units = network.units
    if len(widths) != len(units):
        raise ValueError(f"{network.title} has {len(units)} units, not {len(widths)}")
    for unit, width in zip(units, widths, strict=True):
        if width < (0 if unit.removable else 1):
            least = "no width is negative" if unit.removable else f"{unit.name} keeps at least one channel"
            raise ValueError(f"widths {tuple(widths)}: {least}")
    if list(halvings) != sorted(set(halvings)) or not all(0 <= index < len(units) for index in halvings):
        raise ValueError(f"halvings {tuple(halvings)}: units in rising order, each once")
    absent = [units[index].name for index in halvings if widths[index] == 0]
    if absent:
        raise ValueError(f"the image cannot be halved in {', '.join(absent)}: removed")
    fixed = [units[index].name for index in halvings if not network.halvings or not units[index].halves]
    if fixed:
        raise ValueError(f"the image cannot be halved in {', '.join(fixed)}: {network.title} does not do that there")
