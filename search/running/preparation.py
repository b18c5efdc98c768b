"""Preparation: the images of a run, and the baseline if there is one yet; before the first trial."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from search.building.child import Builder
from search.running.baseline import known_baseline, trained_baseline
from search.running.data_choice import choose_data, obtained
from search.running.training_speed import baseline_seconds
from search.running.view import View
from search.settings.settings import Settings
from search.store.store import Store
from space.baseline import Baseline
from space.data import sources as datasets
from space.data.images import DataSet
from space.data.sources import Source

Say = Callable[[str], None]


@dataclass(frozen=True)
class Prepared:
    source: Source
    data: DataSet
    baseline: Baseline | None
    # Seconds of the baseline's training, where there is none yet.
    baseline_s: float


def prepare(settings: Settings, store: Store | None, say: Say) -> Prepared:
    """Says which images are taken, and downloads them; `store` is None before the first run."""
    choice = choose_data(settings, store)
    if choice.download or not choice.named:
        say(f"data: {choice.text}")
    source = obtained(choice)
    if store and source.name == "builtin":
        source = replace(source, folder=store.folder / "images")
    data = datasets.load(source)
    baseline = known_baseline(store, data, settings.architecture)
    if store and source.name == "builtin" and baseline is None:
        for text in _set_changed(store, data):
            say(text)
    return Prepared(
        source,
        data,
        baseline,
        0.0 if baseline else baseline_seconds(data.name, len(data.train), settings, store),
    )


def have_baseline(
    prepared: Prepared, store: Store, builder: Builder, settings: Settings, view: View, length: str = "auto"
) -> Baseline:
    return prepared.baseline or trained_baseline(prepared.source, store, builder, settings, view, length)


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
