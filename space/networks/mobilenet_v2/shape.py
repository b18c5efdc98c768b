"""The shape of MobileNetV2, in numbers alone: what may be chosen is known without the library that trains it.

A stage is a run of blocks that hand on maps of one width; each block widens that by an expansion of its own, filters it
depthwise, and narrows it again. Where a block neither halves the image nor changes the width, its input is added to its
result, so one width governs the whole stage.
"""

from collections.abc import Sequence
from dataclasses import dataclass

NAME = "mobilenet_v2"
TITLE = "MobileNetV2"
# Output channels and blocks of each stage (Sandler et al. 2018, table 2). The one block of the first stage has no
# expansion; all others are six times as wide inside as the map that the unpruned network gives them.
_STAGES = ((16, 1), (24, 2), (32, 3), (64, 4), (96, 3), (160, 3), (320, 1))
_EXPANSION = 6
_STEM, _HEAD = 32, 1280
# Blocks that halve the image, counted from 1: 32 -> 16 -> 8 -> 4. Published for 32x32 images by
# chenyaofo/pytorch-cifar-models, whose stem and second stage, unlike ImageNet's, halve nothing.
_HALVING_BLOCKS = (4, 7, 14)


@dataclass(frozen=True, slots=True)
class Block:
    """Units that decide one block, by their places in the widths."""

    name: str
    stage: int
    # None where it works on the channels that it is given.
    expansion: int | None

    @property
    def place(self) -> int:
        """The unit that the image is halved in, where this block halves it."""
        return self.stage if self.expansion is None else self.expansion


def _laid_out() -> tuple[list[tuple[str, int]], list[Block]]:
    """Names and unpruned widths of the units, in the order in which they run: a stage's width is made by its first
    block, after that block's expansion."""
    units = [("stem", _STEM)]
    blocks: list[Block] = []
    channels_in = _STEM
    for number, (width, count) in enumerate(_STAGES, start=1):
        expansions: list[tuple[str, int]] = []
        for _ in range(count):
            name = f"block{len(blocks) + len(expansions) + 1:02d}"
            expansions.append((name, _EXPANSION * channels_in))
            channels_in = width
        first, *later = expansions
        without = number == 1
        units += [] if without else [first]
        stage = len(units)
        units += [(f"stage{number}", width), *later]
        blocks.append(Block(first[0], stage, None if without else stage - 1))
        blocks += [Block(name, stage, stage + place) for place, (name, _) in enumerate(later, start=1)]
    return [*units, ("head", _HEAD)], blocks


_UNITS, _BLOCKS = _laid_out()
UNIT_NAMES = tuple(name for name, _ in _UNITS)
WIDTHS = tuple(width for _, width in _UNITS)
BLOCKS = tuple(_BLOCKS)
STEM, HEAD = 0, len(WIDTHS) - 1
# Expansions of the blocks of each stage.
_EXPANSIONS = {
    stage: tuple(block.expansion for block in BLOCKS if block.stage == stage and block.expansion is not None)
    for stage in dict.fromkeys(block.stage for block in BLOCKS)
}
HALVINGS = tuple(BLOCKS[number - 1].place for number in _HALVING_BLOCKS)


@dataclass(frozen=True, slots=True)
class Inverted:
    """One block that is there: the inverted bottleneck of the paper."""

    block: Block
    # Channels that it is given, that it filters, and that it hands on.
    channels: int
    filtered: int
    width: int
    halves: bool
    # Whether its input is added to its result.
    shortcut: bool


def inverted(widths: Sequence[int], halvings: Sequence[int]) -> tuple[Inverted, ...]:
    """Blocks that are there, in the order in which they run."""
    channels, stage, present = widths[STEM], None, []
    for block in BLOCKS:
        width = widths[block.stage]
        filtered = channels if block.expansion is None else widths[block.expansion]
        if not width or not filtered:
            continue
        halves = block.place in halvings
        present.append(Inverted(block, channels, filtered, width, halves, stage == block.stage and not halves))
        channels, stage = width, block.stage
    return tuple(present)


def without_empty_stages(widths: Sequence[int]) -> tuple[int, ...]:
    """A stage is gone as its blocks are, and they are as it is."""
    remaining = list(widths)
    for stage, expansions in _EXPANSIONS.items():
        if not remaining[stage]:
            for place in expansions:
                remaining[place] = 0
        elif expansions and not any(remaining[place] for place in expansions):
            remaining[stage] = 0
    return tuple(remaining)
