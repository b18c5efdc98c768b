"""Structures: a pruned network in a few numbers, as tables of small networks are published."""

from space.networks.choose import NETWORKS
from space.recipe import Recipe

# A structure is written out in a table where its network has no more layers than this.
_MOST_LAYERS = 6


def structure(recipe: Recipe) -> str | None:
    """Channels of each convolution and inputs of each linear layer: 26/52/7488/128; None where that is long."""
    network = NETWORKS.find(recipe.architecture)
    if network is None:
        return None
    layers = network.layers(recipe.widths, recipe.halvings, network.image, network.classes)
    if len(layers) > _MOST_LAYERS:
        return None
    # What reads one value of each channel by itself, and not a map, is a linear layer.
    return "/".join(str(layer.reads if layer.kernel == layer.side == 1 else layer.channels) for layer in layers)
