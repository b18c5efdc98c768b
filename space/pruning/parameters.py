"""Parameters: how many a shape has, and which shape is left of a share of them; loads nothing heavy."""

import math
from collections.abc import Callable, Collection
from functools import cache

from space.errors import RequestError
from space.networks.choose import network_of
from space.recipe import Recipe

# A sparsity is reached where what is gone differs by no more from what was asked for.
TOLERATED = 0.01
# The share of a unit's channels that always stays where channels of the whole network are compared. All scales of one
# layer may lie below those of the others, and it would be left with a single channel, as MobileNetV2's head was: with 1
# of its 1,280 channels a network of sparsity 0.4 came to 17 % on CIFAR-10, with a tenth of them to 53 % (10,000 images
# of 16 pixels, one epoch).
LEAST_SHARE = 0.1
# Halvings of an interval of channel fractions: finer than one channel of the widest unit there is.
_STEPS = 30

# Widths of a network whose channels go evenly, by a fraction of each unit's channels.
Narrowed = Callable[[float], tuple[int, ...]]


def parameters(recipe: Recipe, widths: tuple[int, ...] | None = None) -> int:
    """Parameters as papers count them, BatchNorm's included; of the recipe's widths unless others are named."""
    return _counts(recipe, widths or recipe.widths)[0]


def single_weights(recipe: Recipe) -> int:
    """Weights of convolutions and linear layers: they can go one by one."""
    return _counts(recipe, recipe.widths)[1]


@cache
def _counts(recipe: Recipe, widths: tuple[int, ...]) -> tuple[int, int]:
    """Parameters, and the weights among them."""
    network = network_of(recipe)
    layers = network.layers(widths, recipe.halvings, network.image, network.classes)
    weights = sum(layer.weights for layer in layers)
    *inner, last = layers
    # A BatchNorm, where one follows, has two parameters for each channel, and the layer then has no bias.
    beside = (2 if network.batchnorm else 1) * sum(layer.channels for layer in inner) + last.channels
    return weights + beside, weights


def evenly(unpruned: Recipe, sparsity: float, narrowed: Narrowed) -> tuple[int, ...]:
    """The widths that are nearest to this sparsity of the parameters; RequestError where none is near."""
    low, high = 0.0, 1.0 - 1e-6
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _gone(unpruned, narrowed(middle)) < sparsity:
            low = middle
        else:
            high = middle
    return _nearest(unpruned, sparsity, [narrowed(low), narrowed(high)])


def of_share(unpruned: Recipe, sparsity: float) -> float:
    """The share of single weights that is this share of all parameters."""
    share = sparsity * parameters(unpruned) / single_weights(unpruned)
    if share >= 1:
        raise RequestError(f"fractions: {sparsity:g} of the parameters is more than all single weights there are")
    return share


def by_scores(
    unpruned: Recipe, sparsity: float, scores: Collection[Collection[float]], whole: Collection[int] = ()
) -> tuple[int, ...]:
    """The widths that are left where the channels with the lowest scores of the whole network go, LEAST_SHARE of each
    unit staying. `whole`: units that keep all of theirs, by place."""
    network = network_of(unpruned)
    rising = sorted({score for place, unit in enumerate(scores) if place not in whole for score in unit})

    def above(place: int) -> tuple[int, ...]:
        """The widths without the channels that score less than this place of `rising`."""
        least = rising[place - 1] if place else -1.0
        return network.consistent(
            [
                len(unit)
                if index in whole
                else max(math.ceil(LEAST_SHARE * len(unit)), sum(score > least for score in unit))
                for index, unit in enumerate(scores)
            ]
        )

    low, high = 0, len(rising)
    while high - low > 1:
        middle = (low + high) // 2
        if _gone(unpruned, above(middle)) < sparsity:
            low = middle
        else:
            high = middle
    return _nearest(unpruned, sparsity, [above(low), above(high)])


def _gone(unpruned: Recipe, widths: tuple[int, ...]) -> float:
    return 1 - parameters(unpruned, widths) / parameters(unpruned)


def _nearest(unpruned: Recipe, sparsity: float, candidates: list[tuple[int, ...]]) -> tuple[int, ...]:
    widths = min(candidates, key=lambda widths: abs(_gone(unpruned, widths) - sparsity))
    reached = _gone(unpruned, widths)
    if abs(reached - sparsity) > TOLERATED:
        raise RequestError(
            f"fractions: {sparsity:g} of the parameters cannot be reached within {100 * TOLERATED:g} point: "
            f"{reached:.3f} is nearest; leave fewer units whole, or ask for another"
        )
    return widths
