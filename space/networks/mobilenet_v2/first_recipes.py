"""First recipes: the MobileNetV2 networks that a search begins with."""

from collections.abc import Iterator

from space.networks.mobilenet_v2.shape import NAME, UNIT_NAMES
from space.recipe import Recipe

# Training images of CIFAR-10 without validation.
TRAINING_IMAGES = 45_000
# Widths of all units but those that are gone, units that halve the image, and epochs.
_SMALL: tuple[tuple[dict[str, int], tuple[str, ...], int], ...] = (
    ({"stem": 16, "stage1": 16, "block02": 48, "stage2": 24, "block04": 96, "stage3": 32, "head": 128},
     ("stem", "block02", "block04"), 10),
    ({"stem": 16, "stage1": 16, "block07": 96, "stage4": 48, "head": 128}, ("stem", "stage1", "block07"), 3),
)  # fmt: skip


def first_recipes() -> Iterator[Recipe]:
    """In the order in which they are worth trying."""
    for widths, halvings, epochs in _SMALL:
        yield Recipe(
            architecture=NAME,
            widths=tuple(widths.get(name, 0) for name in UNIT_NAMES),
            halvings=tuple(sorted(UNIT_NAMES.index(name) for name in halvings)),
            epochs=epochs,
        )
