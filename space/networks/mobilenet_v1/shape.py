"""The shape of MobileNet-v1, in numbers alone: what may be chosen is known without the library that trains it."""

from collections.abc import Sequence

# Output channels of the stem and of the thirteen pointwise convolutions (Howard et al. 2017, table 1).
WIDTHS = (32, 64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)
# Units in which the image is halved: 32 -> 16 -> 8 -> 4 -> 2. Unit 0 is the stem: on 32x32 images it halves nothing.
HALVINGS = (2, 4, 6, 12)


def unit_name(index: int) -> str:
    return "stem" if index == 0 else f"block{index:02d}"


def check_shape(widths: Sequence[int], halvings: Sequence[int]) -> None:
    """Says at once what is wrong with a shape, rather than when the first image runs through it."""
    if len(widths) != len(WIDTHS):
        raise ValueError(f"MobileNet-v1 has {len(WIDTHS)} units, not {len(widths)}")
    if widths[0] < 1 or min(widths) < 0:
        raise ValueError(f"widths {tuple(widths)}: the stem keeps at least one channel, no width is negative")
    if list(halvings) != sorted(set(halvings)) or not all(0 <= index < len(WIDTHS) for index in halvings):
        raise ValueError(f"halvings {tuple(halvings)}: units in rising order, each once")
    absent = [unit_name(index) for index in halvings if widths[index] == 0]
    if absent:
        raise ValueError(f"the image cannot be halved in {', '.join(absent)}: removed")
