"""Data choice: which images a search takes and why, decided once; plan, doctor and run print this one decision."""

from dataclasses import dataclass
from pathlib import Path

from search.running.baseline import known_baseline
from search.running.training_speed import baseline_seconds
from search.settings.durations import spoken
from search.settings.settings import Settings
from search.store.goal import Goal
from search.store.store import Store
from space.data import sources as datasets
from space.data.images import DataSet
from space.data.sources import Source
from space.errors import RequestError

# Seconds: a baseline that takes longer is not trained unasked.
LONGEST_BASELINE_S = 15 * 60
# Where CIFAR-10 is downloaded to, unless --data-dir names another folder.
_DOWNLOADS = Path("data")
# Facts of the store: the data of its last run, and the folder that CIFAR-10 was found in then.
_LAST, _LAST_FOLDER = "data", "data folder"


@dataclass(frozen=True, slots=True)
class DataChoice:
    # After a download, where the images will lie.
    source: Source
    # The choice with its reason, for a person.
    text: str
    # The user named these images; else the search chose them.
    named: bool = False
    # They have to be downloaded first.
    download: bool = False
    # CIFAR-10 would have been taken, and cannot be.
    stands_in: bool = False
    # What was named cannot be had: why, and what to do.
    missing: str = ""


def choose_data(settings: Settings, store: Store | None) -> DataChoice:
    """Decides by the rules of `--data`, and downloads nothing yet; `store` is None before the first run."""
    last = store.fact(_LAST) if store else None
    if settings.data == "builtin":
        return DataChoice(Source("builtin"), "the built-in image set", named=True)
    if settings.data == "auto" and last == "builtin":
        text = "the built-in image set, as last time; --data cifar10 changes that"
        return DataChoice(Source("builtin"), text)
    cifar10 = find_cifar10(settings, store)
    if cifar10 is None:
        return _not_on_disk(settings, store)
    text = f"CIFAR-10 in {cifar10.folder}"
    if settings.data == "cifar10":
        return DataChoice(cifar10, text, named=True)
    if last == "cifar10":
        return DataChoice(cifar10, f"{text}, as last time")
    reason = _too_slow(settings, store, cifar10)
    return _built_in_because(reason) if reason else DataChoice(cifar10, text)


def obtained(choice: DataChoice) -> Source:
    """Downloaded, where that was chosen."""
    if choice.missing:
        raise RequestError(choice.missing)
    if choice.download:
        assert choice.source.folder is not None
        datasets.download_cifar10(choice.source.folder)
    return choice.source


def remember(store: Store, source: Source) -> None:
    store.remember(_LAST, source.name)
    if source.name == "cifar10" and source.folder is not None:
        store.remember(_LAST_FOLDER, str(source.folder.absolute()))


def find_cifar10(settings: Settings, store: Store | None) -> Source | None:
    """Looks on this machine's disk, in the folder used last too."""
    folder = datasets.find_cifar10(settings.data_dir)
    last = store.fact(_LAST_FOLDER) if store else None
    if folder is None and last is not None:
        folder = datasets.find_cifar10(Path(last)) if Path(last).is_dir() else None
    return Source("cifar10", folder) if folder else None


def source_of(goal: Goal, settings: Settings, store: Store) -> Source:
    """The images that a study was searched on."""
    if goal.data == "builtin":
        return Source(goal.data, store.folder / "images", goal.fingerprint)
    source = find_cifar10(settings, store)
    if source is None:
        raise RequestError(f"{goal.id} needs CIFAR-10, which is not on this disk; name its folder with --data-dir")
    return source


def images_of(goal: Goal, settings: Settings, store: Store) -> DataSet:
    data = datasets.load(source_of(goal, settings, store))
    if data.fingerprint != goal.fingerprint and goal.data == "builtin":
        raise RequestError(
            f"{goal.id} was searched on an earlier built-in image set ({goal.fingerprint}), which is not kept in "
            f"{store.folder / 'images'}; search again: a study on the present set ({data.fingerprint}) begins"
        )
    if data.fingerprint != goal.fingerprint:
        raise RequestError(f"{goal.id} was searched on other images ({goal.fingerprint}, not {data.fingerprint})")
    return data


def _not_on_disk(settings: Settings, store: Store | None) -> DataChoice:
    folder = settings.data_dir or _DOWNLOADS
    download = DataChoice(Source("cifar10", folder), f"CIFAR-10 is downloaded to {folder}", download=True)
    why_not = datasets.why_not_downloadable()
    absent = f"CIFAR-10 is not on this disk and cannot be downloaded ({why_not})"
    if settings.data == "cifar10":
        if why_not is None:
            return download
        advice = f"put {datasets.CIFAR10_FOLDER} into a folder and name that with --data-dir"
        return DataChoice(Source("cifar10"), "CIFAR-10", named=True, missing=f"--data cifar10: {absent}; {advice}")
    reason = f"{absent}; --data-dir names a folder that has it" if why_not else _too_slow(settings, store, None)
    return _built_in_because(reason) if reason else download


def _built_in_because(reason: str) -> DataChoice:
    return DataChoice(Source("builtin"), f"the built-in image set, because {reason}", stands_in=True)


def _too_slow(settings: Settings, store: Store | None, cifar10: Source | None) -> str | None:
    """Why a CIFAR-10 baseline is not trained unasked."""
    if cifar10 and known_baseline(store, datasets.load(cifar10), settings.architecture):
        return None
    seconds = baseline_seconds("cifar10", datasets.CIFAR10_TRAINING_IMAGES, settings, store)
    if seconds <= LONGEST_BASELINE_S:
        return None
    return (
        f"training a CIFAR-10 baseline on this machine takes about {spoken(seconds)}; --data cifar10 does it, "
        "`baseline --import FILE` takes one you have"
    )
