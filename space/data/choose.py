"""From a name to a data set: our own, and those that installed packages bring.

A package adds one through the entry point group `ondevice_search.data_sets`: the entry's name is what `--data` takes,
its object a `Collection` of that name.
"""

from functools import cache

from space.data.collection import Collection
from space.registry import Registry

# The data set that is taken where nobody names one, and the one in its place where it cannot be had.
DEFAULT, STAND_IN = "cifar10", "builtin"
DATA_SETS: Registry[Collection] = Registry(
    "data set",
    "ondevice_search.data_sets",
    {
        DEFAULT: "space.data.cifar10:CIFAR10",
        STAND_IN: "space.data.builtin:BUILTIN",
        "mnist": "space.data.mnist:MNIST",
    },
)


@cache
def data_set_named(name: str) -> Collection:
    """RequestError names those that are known."""
    return DATA_SETS.get(name)


def described(name: str) -> Collection | None:
    """The data set; None where the package that brought it is gone: what was found on it can still be read."""
    return DATA_SETS.find(name)
