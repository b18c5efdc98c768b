"""First recipes: the MobileNet-v1 networks that a search begins with, small ones and those that people try.

They span the minimum accuracy of the contest: eight such trials beat three hundred that begin cold.
"""

from collections.abc import Iterator

from space.networks.mobilenet_v1.shape import HALVINGS, WIDTHS
from space.networks.network import uniform
from space.recipe import Recipe

# Training images of CIFAR-10 without validation: the epochs below were chosen on them.
TRAINING_IMAGES = 45_000
# Widths of all units, units that halve the image, and epochs. Below two million MACs the number of operators costs more
# than the MACs do: hence few blocks, the image halved in the stem, and late layers wide. The first network is trained
# long enough to hold the minimum accuracy: from then on there is a leader to be beaten.
_FEW_BLOCKS = (
    ((16, 24, 48, 0, 0, 0, 48, 0, 0, 0, 0, 0, 80, 0), (0, 2, 12), 10),
    ((16, 48, 0, 0, 0, 0, 96, 0, 0, 0, 0, 0, 96, 0), (0, 1, 6), 3),
    ((16, 48, 0, 0, 96, 0, 0, 0, 0, 0, 0, 0, 192, 0), (0, 1, 4, 12), 3),
    ((16, 16, 32, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0), (0, 2, 6), 3),
    ((32, 32, 64, 0, 0, 0, 128, 0, 0, 0, 0, 0, 0, 0), (0, 2, 6), 3),
    ((16, 48, 48, 0, 0, 0, 96, 0, 0, 0, 0, 0, 128, 0), (0, 1, 6), 3),
)
# Kept share of every unit's width, with the quantization: what people try by hand.
UNIFORM = (
    (0.25, "none"),
    (0.125, "none"),
    (0.25, "static_int8"),
    (0.35, "none"),
    (0.18, "none"),
    (0.35, "static_int8"),
    (0.125, "static_int8"),
    (0.09, "none"),
)
_UNIFORM_EPOCHS = 3


def first_recipes() -> Iterator[Recipe]:
    """In the order in which they are worth trying."""
    for few_blocks, halvings, epochs in _FEW_BLOCKS:
        yield Recipe(widths=few_blocks, halvings=halvings, epochs=epochs)
    for share, quantization in UNIFORM:
        yield Recipe(
            widths=uniform(WIDTHS, share), halvings=HALVINGS, epochs=_UNIFORM_EPOCHS, quantization=quantization
        )
