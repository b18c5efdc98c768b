"""Preparation: the images of a run, and the baseline if there is one yet; before the first trial."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from search.building.builders import Builders
from search.running.baseline import baseline_at_hand, in_folder, known_baseline, remember_baseline, trained_baseline
from search.running.data_choice import choose_data, obtained
from search.running.training_speed import baseline_seconds
from search.running.view import View
from search.settings.settings import Settings
from search.store.store import Store
from space.baseline import Baseline
from space.data.choose import data_set_named
from space.data.collection import Collection
from space.data.images import DataSet
from space.data.sources import Source, load

Say = Callable[[str], None]


@dataclass(frozen=True)
class Prepared:
    source: Source
    data: DataSet
    baseline: Baseline | None
    # Seconds of the baseline's training, where there is none yet.
    baseline_s: float


def prepare(settings: Settings, store: Store | None, say: Say, *, to_train: bool = False) -> Prepared:
    """Says which images are taken, and downloads them; `store` is None before the first run. Whoever comes `to_train` a
    baseline has no use for one that comes with the network."""
    choice = choose_data(settings, store)
    if choice.download or not (choice.named or choice.missing):
        say(f"data: {choice.text}")
    source, collection = obtained(choice), data_set_named(choice.source.name)
    if store and collection.generated:
        source = replace(source, folder=store.folder / "images")
    data = load(source)
    baseline = (known_baseline if to_train else baseline_at_hand)(store, data, settings.architecture)
    if store and collection.generated and known_baseline(store, data, settings.architecture) is None:
        for text in _set_changed(store, collection, data, settings.architecture):
            say(text)
    return Prepared(
        source,
        data,
        baseline,
        0.0 if baseline else baseline_seconds(collection, data.shape, settings, store),
    )


def have_baseline(
    prepared: Prepared, store: Store, builder: Builders, settings: Settings, view: View, length: str = "auto"
) -> Baseline:
    if prepared.baseline is None:
        return trained_baseline(prepared.source, store, builder, settings, view, length)
    baseline = in_folder(prepared.baseline, store)
    if known_baseline(store, prepared.data, settings.architecture) is None:
        remember_baseline(store, baseline)
    return baseline


def _set_changed(store: Store, collection: Collection, data: DataSet, architecture: str) -> list[str]:
    """One line where the network's last study on a generated set was searched on an earlier version of it."""
    studies = (goal for goal in store.studies() if goal.architecture == architecture)
    last = next((goal for goal in studies if goal.data == collection.name), None)
    if last is None or last.fingerprint == data.fingerprint:
        return []
    return [
        f"data: {collection.title} has changed since {last.id} ({last.fingerprint}, now {data.fingerprint}): "
        "it has a baseline of its own, and a new study begins; the old studies can still be ranked, confirmed and "
        "exported"
    ]
