"""From a name to a data set: our own, and those that installed packages bring.

A package adds one through the entry point group `ondevice_search.data_sets`: the entry's name is what `--data` takes,
its object a `Collection` of that name.
"""

from functools import cache

from space.data.collection import Collection
from space.errors import RequestError
from space.registry import Registry

# Taken where nobody names one, and in its place where it cannot be had.
DEFAULT, STAND_IN = "cifar10", "builtin"
DATA_SETS: Registry[Collection] = Registry(
    "data set",
    "ondevice_search.data_sets",
    {DEFAULT: "space.data.cifar10:CIFAR10", STAND_IN: "space.data.builtin:BUILTIN"},
)


@cache
def data_set_named(name: str) -> Collection:
    """RequestError names those that are known."""
    collection = DATA_SETS.get(name)
    if collection.name != name:
        raise RequestError(
            f"data set {name}: the package that brings it calls it {collection.name}; one of them is wrong"
        )
    return collection


def described(name: str) -> Collection | None:
    """None where the package that brought it is gone: what was found on it can still be read."""
    return data_set_named(name) if DATA_SETS.knows(name) else None
