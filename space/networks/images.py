"""Images that a network takes: which data sets fit it, and which one it is trained on where nobody says."""

from space.data.choose import DATA_SETS, data_set_named
from space.data.collection import Collection
from space.errors import RequestError
from space.networks.network import Network


def fits(collection: Collection, network: Network) -> bool:
    """A generated set is drawn as the network takes it."""
    return collection.generated or network.any_size or collection.shape == network.image


def usual_data(network: Network) -> Collection:
    """The first of our own that fits."""
    fitting = (collection for collection in map(data_set_named, DATA_SETS.own) if fits(collection, network))
    return min(fitting, key=lambda collection: collection.generated)


def check_images(collection: Collection, network: Network) -> None:
    """RequestError names those that fit in its place."""
    if fits(collection, network):
        return
    known = filter(None, map(DATA_SETS.find, DATA_SETS.names()))
    others = ", ".join(other.name for other in known if fits(other, network))
    raise RequestError(
        f"--data {collection.name}: its images are {collection.shape}, and {network.title} takes {network.image} "
        f"alone; choose {others}, or another --architecture"
    )
