"""Preparation: which images, and which baseline; before the first trial."""

import platform
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from search.building.child import Builder, built
from search.building.tasks import train_baseline
from search.running.view import View
from search.settings.durations import spoken
from search.settings.settings import Settings
from search.store.store import Store
from space import baseline as baselines
from space.baseline import Baseline
from space.data import sources as datasets
from space.data.images import DataSet
from space.data.sources import Source
from space.errors import RequestError

# A baseline that takes longer is not trained unasked.
LONGEST_BASELINE_S = 15 * 60
# Where CIFAR-10 is downloaded to, unless --data-dir says otherwise.
_DOWNLOADS = Path("data")

Say = Callable[[str], None]


def seconds_per_image(accelerator: str, store: Store | None) -> float:
    """What training the unpruned network on one image takes on this machine; benchmarked once."""
    known = store.fact(_speed_fact(accelerator)) if store else None
    return float(known) if known else _benchmarked(accelerator)


@cache
def _benchmarked(accelerator: str) -> float:
    from space.networks.mobilenet_v1.network import MobileNetV1
    from space.training.accelerator import accelerator as named
    from space.training.duration import seconds_per_image

    return seconds_per_image(MobileNetV1(), device=named(accelerator))


def _speed_fact(accelerator: str) -> str:
    """A store may be taken to another machine."""
    return f"training speed of {accelerator} on {platform.node()}"


def baseline_seconds(data: str, images: int, accelerator: str, store: Store | None, length: str = "auto") -> float:
    """How long training a baseline takes."""
    from space.training import duration
    from space.training.accelerator import accelerator as named
    from space.training.schedules import baseline_schedule

    schedule = baseline_schedule(data, length, named(accelerator).type)
    return duration.baseline_seconds(schedule, images, seconds_per_image(accelerator, store))


@dataclass(frozen=True)
class Prepared:
    """The images, and the baseline if there is one yet."""

    source: Source
    data: DataSet
    baseline: Baseline | None
    # Of the baseline's training where there is none.
    baseline_s: float


def prepare(settings: Settings, store: Store | None, say: Say) -> Prepared:
    """Chooses the data by the rules of `--data`; `store` is None before the first run."""
    source = _source(settings, store, say)
    if store and source.name == "builtin":
        source = replace(source, folder=store.folder / "images")
    data = datasets.load(source)
    baseline = known_baseline(store, data)
    if store and source.name == "builtin" and baseline is None:
        for text in _set_changed(store, data):
            say(text)
    return Prepared(
        source,
        data,
        baseline,
        0.0 if baseline else baseline_seconds(data.name, len(data.train), settings.accelerator, store),
    )


def _set_changed(store: Store, data: DataSet) -> list[str]:
    """One line where the store's last study on the built-in set was searched on an earlier version of it."""
    last = next((goal for goal in store.studies() if goal.data == "builtin"), None)
    if last is None or last.fingerprint == data.fingerprint:
        return []
    return [
        f"data: the built-in image set has changed since {last.id} ({last.fingerprint}, now {data.fingerprint}): "
        "a baseline of its own is trained and a new study begins; the old studies can still be ranked, confirmed and "
        "exported"
    ]


def remember(store: Store, source: Source) -> None:
    store.remember("data", source.name)
    if source.name == "cifar10" and source.folder is not None:
        store.remember("data folder", str(source.folder.absolute()))


def remember_speed(store: Store, accelerator: str) -> None:
    """For the plans of later runs."""
    store.remember(_speed_fact(accelerator), repr(seconds_per_image(accelerator, store)))


def remember_baseline(store: Store, baseline: Baseline) -> None:
    store.remember(f"baseline {baseline.fingerprint}", baseline.id)


def known_baseline(store: Store | None, data: DataSet) -> Baseline | None:
    """The one that was trained on these images, or imported for them, last."""
    id = store.fact(f"baseline {data.fingerprint}") if store else None
    return baselines.describe(store.folder / "baselines", id) if store and id else None


def find_cifar10(settings: Settings, store: Store | None) -> Source | None:
    """On this machine's disk; the folder used last is looked in too."""
    folder = datasets.find_cifar10(settings.data_dir)
    last = store.fact("data folder") if store else None
    if folder is None and last is not None:
        folder = datasets.find_cifar10(Path(last)) if Path(last).is_dir() else None
    return Source("cifar10", folder) if folder else None


def _source(settings: Settings, store: Store | None, say: Say) -> Source:
    last = store.fact("data") if store else None
    if settings.data == "builtin":
        return Source("builtin")
    if settings.data == "auto" and last == "builtin":
        say("data: the built-in image set, as last time; --data cifar10 changes that")
        return Source("builtin")
    found = find_cifar10(settings, store)
    if found and settings.data == "cifar10":
        return found
    if found:
        if last == "cifar10":
            say(f"data: CIFAR-10 in {found.folder}, as last time")
            return found
        reason = _too_slow(settings, store, found)
        if reason is None:
            say(f"data: CIFAR-10 in {found.folder}")
            return found
        say(f"data: the built-in image set, because {reason}")
        return Source("builtin")
    folder = settings.data_dir or _DOWNLOADS
    reason = datasets.why_not_downloadable()
    if settings.data == "cifar10":
        if reason:
            raise RequestError(
                f"--data cifar10: CIFAR-10 is not on this disk and cannot be downloaded ({reason}); "
                f"put {datasets.CIFAR10_FOLDER} into a folder and name that with --data-dir"
            )
    else:
        reason = (
            f"CIFAR-10 is not on this disk and cannot be downloaded ({reason}); --data-dir names a folder that has it"
            if reason
            else _too_slow(settings, store, None)
        )
        if reason:
            say(f"data: the built-in image set, because {reason}")
            return Source("builtin")
    say(f"data: CIFAR-10 is downloaded to {folder}")
    datasets.download_cifar10(folder)
    return Source("cifar10", folder)


def _too_slow(settings: Settings, store: Store | None, found: Source | None) -> str | None:
    """Why a CIFAR-10 baseline is not trained unasked."""
    if found and known_baseline(store, datasets.load(found)):
        return None
    seconds = baseline_seconds("cifar10", datasets.CIFAR10_TRAINING_IMAGES, settings.accelerator, store)
    if seconds <= LONGEST_BASELINE_S:
        return None
    return (
        f"training a CIFAR-10 baseline on this machine takes about {spoken(seconds)}; --data cifar10 does it, "
        "`baseline --import FILE` takes one you have"
    )


def have_baseline(
    prepared: Prepared, store: Store, builder: Builder, settings: Settings, view: View, length: str = "auto"
) -> Baseline:
    if prepared.baseline:
        return prepared.baseline
    future = builder.submit(train_baseline, store.folder, prepared.source, settings.seed, settings.accelerator, length)
    baseline = built(future)
    remember_baseline(store, baseline)
    view.say(
        f"baseline: {100 * baseline.validation_accuracy:.2f} % on validation, trained in {spoken(baseline.seconds)}"
    )
    return baseline
