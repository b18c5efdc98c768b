"""Ladder: networks of known shapes, few blocks first, then narrow ones; what searches of tests begin with."""

from dataclasses import replace

from space.dimension import Dimension, Value
from space.dimensions import near
from space.networks.mobilenet_v1.shape import HALVINGS, WIDTHS
from space.networks.network import uniform
from space.recipe import Recipe
from tests.benchmarks.peers.ladder import FEW_BLOCKS, UNIFORM

# The epochs of the first recipe, which is trained long enough to hold a minimum accuracy, and of all others.
FIRST_EPOCHS, EPOCHS = 10, 3


def ladder() -> list[Recipe]:
    few_blocks = [Recipe(widths=widths, halvings=halvings, epochs=EPOCHS) for widths, halvings in FEW_BLOCKS]
    narrow = [
        Recipe(widths=uniform(WIDTHS, share), halvings=HALVINGS, epochs=EPOCHS, quantization=quantization)
        for share, quantization in UNIFORM
    ]
    return [replace(few_blocks[0], epochs=FIRST_EPOCHS), *few_blocks[1:], *narrow]


def ladder_values(table: tuple[Dimension, ...]) -> list[dict[str, Value]]:
    """The values of recipes whose shape the table has, each once."""
    with_repeats = [values for recipe in ladder() if (values := near(recipe, table)) is not None]
    return [values for place, values in enumerate(with_repeats) if values not in with_repeats[:place]]
