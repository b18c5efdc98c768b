"""Training speed: how long training takes on this machine, benchmarked once and kept by the store."""

import platform
from functools import cache

from search.store.store import Store
from space.data.choose import DEFAULT, data_set_named
from space.data.collection import Collection
from space.data.images import ImageShape


def seconds_per_image(accelerator: str, store: Store | None) -> float:
    """What training the unpruned network on one image takes on this machine; benchmarked once."""
    known = store.fact(_speed_fact(accelerator)) if store else None
    return float(known) if known else _benchmarked(accelerator)


def remember_speed(store: Store, accelerator: str) -> None:
    """Keeps the benchmark for the plans of later runs."""
    store.remember(_speed_fact(accelerator), repr(seconds_per_image(accelerator, store)))


def baseline_seconds(
    collection: Collection, shape: ImageShape, accelerator: str, store: Store | None, length: str = "auto"
) -> float:
    """How long training a baseline takes on images of this shape."""
    from space.training import duration
    from space.training.accelerator import accelerator as named
    from space.training.schedules import baseline_schedule

    schedule = baseline_schedule(collection, length, named(accelerator).type, shape)
    per_image = seconds_per_image(accelerator, store)
    return duration.baseline_seconds(schedule, collection.training_images, shape.side, per_image)


@cache
def _benchmarked(accelerator: str) -> float:
    from space.networks.mobilenet_v1.network import MobileNetV1
    from space.training.accelerator import accelerator as named
    from space.training.duration import seconds_per_image

    # Those that the network was designed for.
    image = data_set_named(DEFAULT).shape
    return seconds_per_image(MobileNetV1(), image, device=named(accelerator))


def _speed_fact(accelerator: str) -> str:
    """A store may be taken to another machine."""
    return f"training speed of {accelerator} on {platform.node()}"
