"""Ladder: the recipes that a study asks for first. They span the line: eight such trials beat three hundred cold ones.

Networks of a few blocks first: below two million MACs the number of operators costs more than the MACs. The image is
halved in the stem, and late layers are the fat ones. Then every unit at the same share of its width, what people try.
"""

from collections.abc import Iterator, Sequence

from space.dimensions import LADDER, Dimension, Value, near
from space.networks.mobilenet_v1.shape import HALVINGS, WIDTHS
from space.recipe import Recipe

# Widths of all units, the places of the halvings, and epochs. The first trains long enough to hold the line: from then
# on there is a leader to be beaten.
_FEW_BLOCKS = (
    ((16, 24, 48, 0, 0, 0, 48, 0, 0, 0, 0, 0, 80, 0), (0, 2, 12), 10),
    ((16, 48, 0, 0, 0, 0, 96, 0, 0, 0, 0, 0, 96, 0), (0, 1, 6), 3),
    ((16, 48, 0, 0, 96, 0, 0, 0, 0, 0, 0, 0, 192, 0), (0, 1, 4, 12), 3),
    ((16, 16, 32, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0), (0, 2, 6), 3),
    ((32, 32, 64, 0, 0, 0, 128, 0, 0, 0, 0, 0, 0, 0), (0, 2, 6), 3),
    ((16, 48, 48, 0, 0, 0, 96, 0, 0, 0, 0, 0, 128, 0), (0, 1, 6), 3),
)
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


def ladder(table: Sequence[Dimension]) -> list[dict[str, Value]]:
    """As far as the table has them."""
    found = (near(recipe, tuple(table)) for recipe in _recipes())
    return [values for values in found if values is not None]


def _recipes() -> Iterator[Recipe]:
    for widths, halvings, epochs in _FEW_BLOCKS:
        yield Recipe(widths=widths, halvings=halvings, epochs=epochs)
    for share, quantization in UNIFORM:
        nearest = tuple(min(LADDER, key=lambda step: abs(step - share * width)) for width in WIDTHS)
        yield Recipe(widths=nearest, halvings=HALVINGS, epochs=_UNIFORM_EPOCHS, quantization=quantization)
