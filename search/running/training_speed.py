"""Training speed: how fast this machine trains, measured once in a second or two of it, and kept by the store."""

import hashlib
import json
import platform
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, TypeVar

from search.settings.settings import Settings
from search.store.store import Store
from space.data.collection import Collection
from space.data.images import DataSet, ImageShape
from space.data.schedule import Schedule
from space.json_text import from_json
from space.networks.choose import network_named
from space.threads import usual_threads
from space.training.fitting import fitting
from space.training.schedules import fine_tuning_schedule
from space.training.speed import BaselineSpeed, Speed, Trainings

if TYPE_CHECKING:
    from space.training.duration import Machine

T = TypeVar("T", Speed, BaselineSpeed)

# What this process has measured, by the name of its fact.
_measured: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class Shown:
    """The images that are trained on, as far as time goes."""

    shape: ImageShape
    classes: int
    images: int


def trainings(settings: Settings, store: Store | None, data: DataSet) -> Trainings:
    """How long fine-tuning takes on this data set."""
    shown = Shown(data.shape, data.classes, len(data.train))
    schedule = fine_tuning_schedule(shown.images, shown.shape.side, 1, 0.0)
    name = _fact("fine-tuning", settings, shown, schedule)
    speed = _kept(store, name, Speed, lambda: _fine_tuning_speed(settings, shown))
    return Trainings(speed=speed, images=shown.images, side=shown.shape.side)


def baseline_seconds(
    collection: Collection, shape: ImageShape, settings: Settings, store: Store | None, length: str = "auto"
) -> float:
    """How long training a baseline takes on images of this shape."""
    from space.training.accelerator import accelerator
    from space.training.schedules import baseline_schedule

    schedule = baseline_schedule(collection, length, accelerator(settings.accelerator).type, shape)
    schedule = fitting(schedule, network_named(settings.architecture), shape.side)
    shown = Shown(shape, collection.classes, collection.training_images)
    # How long it is changes nothing of its speed.
    ends = replace(schedule, sizes=(min(schedule.sizes), max(schedule.sizes)))
    name = _fact("baseline", settings, shown, ends)
    speed = _kept(store, name, BaselineSpeed, lambda: _baseline_speed(settings, shown, ends))
    return speed.seconds(schedule, shown.images)


def remember_speed(store: Store) -> None:
    """Keeps what this process has measured, for later runs."""
    for name, text in _measured.items():
        if store.fact(name) is None:
            store.remember(name, text)


def _kept(store: Store | None, name: str, kind: type[T], measured: Callable[[], T]) -> T:
    text = (store.fact(name) if store else None) or _measured.get(name)
    # A newer version may keep more of it.
    with suppress(ValueError):
        if text is not None:
            return from_json(kind, text)
    speed = measured()
    _measured[name] = json.dumps(asdict(speed))
    return speed


def _fine_tuning_speed(settings: Settings, shown: Shown) -> Speed:
    from space.training import duration, duration_on_gpu
    from space.training.memory import give_back

    machine = _machine(settings, shown)
    on_gpu = machine.device.type == "cuda"
    measure = duration_on_gpu.fine_tuning_speed if on_gpu else duration.fine_tuning_speed
    speed = measure(network_named(settings.architecture), machine)
    give_back(machine.device)
    return speed


def _baseline_speed(settings: Settings, shown: Shown, schedule: Schedule) -> BaselineSpeed:
    from space.training import duration, duration_on_gpu
    from space.training.memory import give_back

    machine = _machine(settings, shown)
    on_gpu = machine.device.type == "cuda"
    measure = duration_on_gpu.baseline_speed if on_gpu else duration.baseline_speed
    speed = measure(network_named(settings.architecture), schedule, machine)
    give_back(machine.device)
    return speed


def _machine(settings: Settings, shown: Shown) -> "Machine":
    from space.training.accelerator import accelerator
    from space.training.duration import Machine

    return Machine(accelerator(settings.accelerator), shown.shape, shown.classes, shown.images)


def _fact(task: str, settings: Settings, shown: Shown, schedule: Schedule) -> str:
    """A store may be taken to another machine, and a schedule changes with the program. The name of a fact is short."""
    where = [settings.accelerator, usual_threads(), platform.node(), asdict(shown), asdict(schedule)]
    digest = hashlib.sha256(json.dumps(where, sort_keys=True).encode()).hexdigest()[:12]
    return f"speed of {task} {settings.architecture} {digest}"
