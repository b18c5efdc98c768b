"""Example recipes of every network, for tests that need networks which are known beforehand: small ones, and those that
people try by hand."""

from collections.abc import Sequence

from space.dimension import Dimension, Value
from space.dimensions import near, network_in
from space.networks.mnist_cnn.description import MNIST_CNN
from space.networks.mobilenet_v1.description import MOBILENET_V1
from space.networks.mobilenet_v2.description import MOBILENET_V2
from space.networks.network import Network, thinned, uniform, unpruned
from space.recipe import Recipe

# Widths of all units, units that halve the image, and epochs: few blocks, the image halved in the stem, and late layers
# wide.
_FEW_BLOCKS = (
    ((16, 24, 48, 0, 0, 0, 48, 0, 0, 0, 0, 0, 80, 0), (0, 2, 12), 10),
    ((16, 48, 0, 0, 0, 0, 96, 0, 0, 0, 0, 0, 96, 0), (0, 1, 6), 3),
    ((16, 48, 0, 0, 96, 0, 0, 0, 0, 0, 0, 0, 192, 0), (0, 1, 4, 12), 3),
    ((16, 16, 32, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0), (0, 2, 6), 3),
    ((32, 32, 64, 0, 0, 0, 128, 0, 0, 0, 0, 0, 0, 0), (0, 2, 6), 3),
    ((16, 48, 48, 0, 0, 0, 96, 0, 0, 0, 0, 0, 128, 0), (0, 1, 6), 3),
)
# The same of MobileNetV2, by the names of units; those without a width are gone.
_FEW_INVERTED = (
    ({"stem": 16, "block04": 96, "stage3": 32, "block07": 192, "stage4": 64, "head": 192},
     ("stem", "block04", "block07"), 10),
    ({"stem": 16, "block04": 64, "stage3": 32, "block07": 128, "stage4": 48, "head": 128},
     ("stem", "block04", "block07"), 3),
    ({"stem": 16, "block02": 48, "stage2": 24, "block07": 80, "stage4": 48},
     ("stem", "block02", "block07"), 3),
    ({"stem": 16, "stage1": 16, "block07": 96, "stage4": 48, "head": 128},
     ("stem", "stage1", "block07"), 3),
)  # fmt: skip
# Widths of all units of the MNIST network; its image cannot be halved elsewhere.
_MNIST = ((8, 16, 16), (8, 8, 0), (8, 0, 16), (16, 16, 32))
# The share that is kept of every unit's width, with the quantization.
_UNIFORM = ((0.25, "none"), (0.125, "none"), (0.25, "static_int8"), (0.35, "none"))
_EPOCHS = 3


def examples(network: Network) -> tuple[Recipe, ...]:
    """Six or fewer small networks first; the first of them is trained the longest."""
    if network.name == MOBILENET_V1.name:
        small = [Recipe(widths=widths, halvings=halvings, epochs=epochs) for widths, halvings, epochs in _FEW_BLOCKS]
        return (*small, *_uniform(network))
    if network.name == MOBILENET_V2.name:
        return (*(_inverted(*shape) for shape in _FEW_INVERTED), *_uniform(network))
    if network.name == MNIST_CNN.name:
        return tuple(Recipe(architecture=network.name, widths=widths, halvings=(), epochs=_EPOCHS) for widths in _MNIST)
    return (thinned(network, 0.4), thinned(network, 0.2, every=2))


def values(table: Sequence[Dimension]) -> list[dict[str, Value]]:
    """The examples of the table's network whose shape the table has; what else it lacks is the first that it has."""
    inside = (near(recipe, tuple(table)) for recipe in examples(network_in(table)))
    return [point for point in inside if point is not None]


def _inverted(widths: dict[str, int], halvings: Sequence[str], epochs: int) -> Recipe:
    names = [unit.name for unit in MOBILENET_V2.units]
    return Recipe(
        architecture=MOBILENET_V2.name,
        widths=tuple(widths.get(name, 0) for name in names),
        halvings=tuple(sorted(names.index(name) for name in halvings)),
        epochs=epochs,
    )


def _uniform(network: Network) -> list[Recipe]:
    whole = unpruned(network)
    return [
        Recipe(
            architecture=network.name,
            widths=uniform(whole.widths, share),
            halvings=whole.halvings,
            epochs=_EPOCHS,
            quantization=quantization,
        )
        for share, quantization in _UNIFORM
    ]
