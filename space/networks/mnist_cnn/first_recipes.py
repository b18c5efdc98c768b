"""First recipes: the MNIST networks that a search begins with."""

from collections.abc import Iterator

from space.networks.mnist_cnn.shape import NAME
from space.recipe import Recipe

# Training images of MNIST without validation.
TRAINING_IMAGES = 54_004
# Widths of all units, and epochs.
_SMALL = (
    ((8, 16, 16), 3),
    ((8, 8, 0), 3),
    ((8, 0, 16), 3),
    ((16, 16, 32), 3),
)


def first_recipes() -> Iterator[Recipe]:
    """In the order in which they are worth trying."""
    for widths, epochs in _SMALL:
        yield Recipe(architecture=NAME, widths=widths, halvings=(), epochs=epochs)
