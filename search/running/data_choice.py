"""Data choice: which images a search takes and why, decided once; plan, doctor and run print this one decision."""

import shlex
from dataclasses import dataclass, replace
from pathlib import Path

from search.running.baseline import baseline_at_hand
from search.running.training_speed import baseline_seconds
from search.settings.durations import spoken
from search.settings.keys import AUTO
from search.settings.settings import Settings
from search.store.goal import Goal
from search.store.store import Store
from space.data.choose import DEFAULT, STAND_IN, data_set_named
from space.data.collection import Collection
from space.data.images import DataSet
from space.data.places import USUAL
from space.data.sources import Source, load
from space.errors import RequestError
from space.networks.choose import network_named
from space.networks.images import check_images, fits, usual_data
from space.networks.names import DEFAULT as NETWORK
from space.networks.network import Network

# Seconds: a baseline that takes longer is not trained unasked.
LONGEST_BASELINE_S = 15 * 60
# Facts of the store: the data of its last run, and the folder that data were found in then; a store that was made while
# one data set alone lay on the disk knows the folder without a name.
_LAST, _LAST_FOLDER = "data", "data folder"


@dataclass(frozen=True, slots=True)
class DataChoice:
    # The source of the images; after a download, where they will lie.
    source: Source
    # The choice with its reason, for a person.
    text: str
    # The user named these images; else the search chose them.
    named: bool = False
    # Whether they have to be downloaded first.
    download: bool = False
    # Whether others would have been taken, and cannot be.
    stands_in: bool = False
    # What was named cannot be had: why, and what to do.
    missing: str = ""


def choose_data(settings: Settings, store: Store | None) -> DataChoice:
    """Decides by the rules of `--data`, and downloads nothing yet; `store` is None before the first run."""
    named, network = settings.data != AUTO, network_named(settings.architecture)
    usual = usual_data(network)
    last = None if named else _last(store, network, usual)
    collection = data_set_named(settings.data) if named else last or usual
    check_images(collection, network)
    if collection.generated:
        text = collection.title
        if last is collection:
            text += ", as last time" + (f"; --data {usual.name} changes that" if usual is not collection else "")
        elif not named:
            text += f": no data set of our own has images as {network.title} takes them"
        return DataChoice(_drawn(collection, settings.architecture), text, named=named)
    source = find(collection, settings, store)
    if source is None:
        return _not_on_disk(collection, settings, store)
    text = f"{collection.title} in {source.folder}"
    if named:
        return DataChoice(source, text, named=True)
    if last is collection:
        return DataChoice(source, f"{text}, as last time")
    too_slow = _too_slow(collection, settings, store, source)
    return _standing_in(settings, too_slow) if too_slow else DataChoice(source, text)


def _last(store: Store | None, network: Network, usual: Collection) -> Collection | None:
    """The store's last data, where the network takes them. Generated ones stand in for the default data alone: a
    network of other images takes them again where it took them itself."""
    name = store.fact(_LAST) if store else None
    if store is None or name is None:
        return None
    collection = data_set_named(name)
    if collection.generated and usual.name != DEFAULT and store.fact(_last_fact(network.name)) != name:
        return None
    return collection if fits(collection, network) else None


def obtained(choice: DataChoice) -> Source:
    """Downloaded, where that was chosen."""
    if choice.missing:
        raise RequestError(choice.missing)
    if choice.download:
        assert choice.source.folder is not None
        data_set_named(choice.source.name).download(choice.source.folder)
    return choice.source


def remember(store: Store, source: Source, architecture: str) -> None:
    store.remember(_LAST, source.name)
    store.remember(_last_fact(architecture), source.name)
    if source.folder is not None and not data_set_named(source.name).generated:
        store.remember(_folder_fact(source.name), str(source.folder.absolute()))


def find(collection: Collection, settings: Settings, store: Store | None) -> Source | None:
    """Looks on this machine's disk, in the folder used last too."""
    folder = collection.find(settings.data_dir)
    last = (store.fact(_folder_fact(collection.name)) or store.fact(_LAST_FOLDER)) if store else None
    if folder is None and last is not None:
        folder = collection.find(Path(last)) if Path(last).is_dir() else None
    return Source(collection.name, folder) if folder else None


def source_of(goal: Goal, settings: Settings, store: Store) -> Source:
    """The images that a study was searched on."""
    collection = data_set_named(goal.data)
    if collection.generated:
        return replace(
            _drawn(collection, goal.architecture), folder=store.folder / "images", fingerprint=goal.fingerprint
        )
    source = find(collection, settings, store)
    if source is None:
        raise RequestError(
            f"{goal.id} needs {collection.title}, which is not on this disk; name its folder with --data-dir"
        )
    return source


def images_of(goal: Goal, settings: Settings, store: Store) -> DataSet:
    data, collection = load(source_of(goal, settings, store)), data_set_named(goal.data)
    if data.fingerprint == goal.fingerprint:
        return data
    if collection.generated:
        raise RequestError(
            f"{goal.id} was searched on an earlier {collection.short_title} ({goal.fingerprint}), which is not kept in "
            f"{store.folder / 'images'}; search again: a study on the present set ({data.fingerprint}) begins"
        )
    raise RequestError(f"{goal.id} was searched on other images ({goal.fingerprint}, not {data.fingerprint})")


def _last_fact(architecture: str) -> str:
    return f"{_LAST} of {architecture}"


def _folder_fact(name: str) -> str:
    return f"{_LAST_FOLDER} of {name}"


def _drawn(collection: Collection, architecture: str) -> Source:
    """A generated data set, in the shape of the images that the network was designed for."""
    image = network_named(architecture).image
    return Source(collection.name, shape=None if image == collection.shape else image)


def _not_on_disk(collection: Collection, settings: Settings, store: Store | None) -> DataChoice:
    title, folder = collection.title, settings.data_dir or USUAL
    download = DataChoice(Source(collection.name, folder), f"{title} is downloaded to {folder}", download=True)
    why_not = collection.why_not_downloadable()
    absent = f"{title} is not on this disk and cannot be downloaded ({why_not})"
    if why_not and settings.data_dir is not None:
        missing = (
            f"--data-dir {settings.data_dir} has no {collection.files}, and {title} cannot be downloaded ({why_not}); "
            f"next: python -m search {_named_right(collection, settings, settings.data_dir)}"
        )
        return DataChoice(Source(collection.name), title, named=True, missing=missing)
    if settings.data == collection.name:
        if why_not is None:
            return download
        missing = (
            f"--data {collection.name}: {absent}; put {collection.files} into a folder, here DIR; next: "
            "python -m search --data-dir DIR"
        )
        return DataChoice(Source(collection.name), title, named=True, missing=missing)
    if why_not:
        return _standing_in(settings, f"{absent}; --data-dir names a folder that has it")
    too_slow = _too_slow(collection, settings, store, None)
    return _standing_in(settings, too_slow) if too_slow else download


def _named_right(collection: Collection, settings: Settings, folder: Path) -> str:
    """The folder below or above this one that has the files, else the images that need none."""
    network = [] if settings.architecture == NETWORK else ["--architecture", settings.architecture]
    around = [*folder.parents, *folder.glob("*/"), *folder.glob("*/*/")]
    with_files = next((place for place in around if (place / collection.files).is_dir()), None)
    return shlex.join([*network, *(("--data-dir", str(with_files)) if with_files else ("--data", STAND_IN))])


def _standing_in(settings: Settings, reason: str) -> DataChoice:
    """The images that stand in the place of the default data set alone: a network of other images may learn little of
    the one drawn."""
    collection, usual = data_set_named(STAND_IN), usual_data(network_named(settings.architecture))
    if usual.name != DEFAULT:
        missing = f"{reason}; --data {STAND_IN} takes {collection.title} all the same"
        return DataChoice(Source(usual.name), usual.title, missing=missing)
    return DataChoice(
        _drawn(collection, settings.architecture), f"{collection.title}, because {reason}", stands_in=True
    )


def _too_slow(collection: Collection, settings: Settings, store: Store | None, source: Source | None) -> str | None:
    """Why its baseline is not trained unasked."""
    if source and baseline_at_hand(store, load(source), settings.architecture):
        return None
    seconds = baseline_seconds(collection, collection.shape, settings, store)
    if seconds <= LONGEST_BASELINE_S:
        return None
    return (
        f"training a baseline on {collection.title} takes about {spoken(seconds)} on this machine; "
        f"--data {collection.name} does it, `baseline --import FILE` takes one you have"
    )
