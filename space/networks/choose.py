"""From a name to a network: our own, and those that installed packages bring.

A package adds one through the entry point group `ondevice_search.networks`: the entry's name is the network's, its
object a `Network`.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, TypeVar

from space.data.images import ImageShape
from space.networks.names import OWN
from space.networks.network import Layer, Network, unpruned
from space.recipe import Recipe
from space.registry import Registry

if TYPE_CHECKING:
    from space.networks.prunable import Prunable

M = TypeVar("M", bound="Prunable")

NETWORKS: Registry[Network] = Registry("network", "ondevice_search.networks", OWN)


@cache
def network_named(name: str) -> Network:
    """RequestError names those that are known."""
    return NETWORKS.get(name)


def network_of(recipe: Recipe) -> Network:
    return network_named(recipe.architecture)


def title_of(name: str) -> str:
    """What a person calls it; its name, where the package that brought it is gone."""
    network = NETWORKS.find(name)
    return network.title if network else name


@cache
def unpruned_widths(architecture: str) -> tuple[int, ...]:
    """The widths, empty for a network that is not known here. They are kept: each row of a table asks twice."""
    network = NETWORKS.find(architecture)
    return unpruned(network).widths if network else ()


def unit_names(architecture: str) -> tuple[str, ...]:
    """The names of the units, empty for a network that is not known here."""
    network = NETWORKS.find(architecture)
    return tuple(unit.name for unit in network.units) if network else ()


def built(recipe: Recipe, shape: ImageShape, classes: int) -> "Prunable":
    """The recipe's network with random weights, for images of this shape."""
    return as_chosen(network_of(recipe).built(recipe.widths, recipe.halvings, shape, classes), recipe)


def as_chosen(model: M, recipe: Recipe) -> M:
    """A network of the recipe's shape, changed in place to what else it says of the layers."""
    return model if recipe.depthwise_relu else model.without_depthwise_relu()


@dataclass(frozen=True, slots=True)
class Work:
    """What all layers make of one image together."""

    layers: int
    values: int
    macs: int
    weights: int


def layers_of(recipe: Recipe) -> tuple[Layer, ...]:
    """The layers at the images that the network was designed for: networks of one study are told apart alike at any."""
    return _layers(recipe.architecture, recipe.widths, recipe.halvings)


def work_of(recipe: Recipe) -> Work:
    return _work(recipe.architecture, recipe.widths, recipe.halvings)


# Both are kept, and by the shape alone: a sampler asks ten thousand times a trial.
@lru_cache(maxsize=50_000)
def _layers(architecture: str, widths: tuple[int, ...], halvings: tuple[int, ...]) -> tuple[Layer, ...]:
    network = network_named(architecture)
    return network.layers(widths, halvings, network.image, network.classes)


@lru_cache(maxsize=50_000)
def _work(architecture: str, widths: tuple[int, ...], halvings: tuple[int, ...]) -> Work:
    layers = _layers(architecture, widths, halvings)
    return Work(
        layers=len(layers),
        values=sum(layer.values for layer in layers),
        macs=sum(layer.macs for layer in layers),
        weights=sum(layer.weights for layer in layers),
    )
