"""Training speed: how long training takes on this machine, benchmarked once and kept by the store."""

import platform
from functools import cache

from search.settings.settings import Settings
from search.store.store import Store
from space.data.collection import Collection
from space.data.images import ImageShape
from space.networks.choose import network_named
from space.networks.names import DEFAULT as DEFAULT_NETWORK


def seconds_per_image(settings: Settings, store: Store | None) -> float:
    """What training the unpruned network on one image takes on this machine; benchmarked once."""
    known = store.fact(_speed_fact(settings)) if store else None
    return float(known) if known else _benchmarked(settings.architecture, settings.accelerator)


def remember_speed(store: Store, settings: Settings) -> None:
    """Keeps the benchmark for the plans of later runs."""
    store.remember(_speed_fact(settings), repr(seconds_per_image(settings, store)))


def baseline_seconds(
    collection: Collection, shape: ImageShape, settings: Settings, store: Store | None, length: str = "auto"
) -> float:
    """How long training a baseline takes on images of this shape."""
    from space.training import duration
    from space.training.accelerator import accelerator as named
    from space.training.fitting import fitting
    from space.training.schedules import baseline_schedule

    network = network_named(settings.architecture)
    schedule = baseline_schedule(collection, length, named(settings.accelerator).type, shape)
    schedule = fitting(schedule, network, shape.side)
    per_image = seconds_per_image(settings, store)
    return duration.baseline_seconds(schedule, collection.training_images, network.image.side, per_image)


@cache
def _benchmarked(architecture: str, accelerator: str) -> float:
    from space.checkpoint import unpruned_model
    from space.training.accelerator import accelerator as named
    from space.training.duration import seconds_per_image

    network = network_named(architecture)
    return seconds_per_image(unpruned_model(network, network.image, network.classes), device=named(accelerator))


def _speed_fact(settings: Settings) -> str:
    """A store may be taken to another machine; the default network's was called so before there were others."""
    of_network = "" if settings.architecture == DEFAULT_NETWORK else f"{settings.architecture} "
    return f"training speed of {of_network}{settings.accelerator} on {platform.node()}"
