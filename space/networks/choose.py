"""From a name to a network: our own, and those that installed packages bring.

A package adds one through the entry point group `ondevice_search.networks`: the entry's name is the network's, its
object a `Network`.
"""

from functools import cache

from space.errors import RequestError
from space.networks.names import OWN
from space.networks.network import Layer, Network, unpruned
from space.recipe import Recipe
from space.registry import Registry

NETWORKS: Registry[Network] = Registry("network", "ondevice_search.networks", OWN)


@cache
def network_named(name: str) -> Network:
    """RequestError names those that are known."""
    network = NETWORKS.get(name)
    if network.name != name:
        raise RequestError(f"network {name}: the package that brings it calls it {network.name}; one of them is wrong")
    return network


def network_of(recipe: Recipe) -> Network:
    return network_named(recipe.architecture)


def title_of(name: str) -> str:
    """Its name alone where the package that brought it is gone: what it did can still be read."""
    return network_named(name).title if NETWORKS.knows(name) else name


def unpruned_widths(architecture: str) -> tuple[int, ...]:
    """Empty for a network that is not known here."""
    return unpruned(network_named(architecture)).widths if NETWORKS.knows(architecture) else ()


def first_unit(architecture: str) -> str:
    """What its unit 0 is called."""
    return network_named(architecture).units[0].name if NETWORKS.knows(architecture) else "first"


def layers_of(recipe: Recipe) -> tuple[Layer, ...]:
    """At the images that the network was designed for: networks of one study are told apart alike at any."""
    network = network_of(recipe)
    return network.layers(recipe.widths, recipe.halvings, network.image, network.classes)
