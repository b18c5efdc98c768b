"""Baseline: the unpruned network of the images: the one that the store knows, trained here, or a team's own."""

from pathlib import Path

from search.building.builders import Builders, built
from search.building.tasks import import_baseline, train_baseline
from search.running.view import View
from search.settings.durations import spoken
from search.settings.settings import Settings
from search.store.goal import Goal
from search.store.store import Store
from space import baseline as baselines
from space.baseline import Baseline
from space.data.images import DataSet
from space.data.sources import Source
from space.networks.names import DEFAULT as DEFAULT_NETWORK


def known_baseline(store: Store | None, data: DataSet, architecture: str) -> Baseline | None:
    """The network's that was trained on these images, or imported for them, last."""
    id = store.fact(_baseline_fact(data.fingerprint, architecture)) if store else None
    return _found(store, id, architecture, data.fingerprint) if store and id else None


def baseline_at_hand(store: Store | None, data: DataSet, architecture: str) -> Baseline | None:
    """The store's, else the one that comes with the network for these images."""
    return known_baseline(store, data, architecture) or baselines.supplied(architecture, data.fingerprint)


def baseline_of(goal: Goal, store: Store) -> Baseline:
    """The one that a study began from, in the folder of who writes."""
    return in_folder(_found(store, goal.baseline_id, goal.architecture, goal.fingerprint), store)


def in_folder(baseline: Baseline, store: Store) -> Baseline:
    """One that comes with its network is put where the others lie; other folders of the database have their own."""
    folder = store.folder / "baselines"
    if not baselines.is_whole(folder, baseline.id):
        baselines.supply(baseline, folder)
    return baseline


def _found(store: Store, id: str, architecture: str, fingerprint: str) -> Baseline:
    """The baseline in the folder, or with the network; RequestError where it lies in another folder of the database
    alone."""
    folder = store.folder / "baselines"
    if baselines.is_whole(folder, id):
        return baselines.describe(folder, id)
    supplied = baselines.supplied(architecture, fingerprint)
    if supplied is None or supplied.id != id:
        raise baselines.missing(folder, id)
    return supplied


def remember_baseline(store: Store, baseline: Baseline) -> None:
    store.remember(_baseline_fact(baseline.fingerprint, baseline.architecture), baseline.id)


def trained_baseline(
    source: Source, store: Store, builder: Builders, settings: Settings, view: View, length: str = "auto"
) -> Baseline:
    training = builder.submit(
        train_baseline,
        store.folder,
        source,
        settings.seed,
        settings.accelerator,
        length,
        settings.architecture,
    )
    baseline = built(training)
    remember_baseline(store, baseline)
    view.say(
        f"baseline: {100 * baseline.validation_accuracy:.2f} % on validation, trained in {spoken(baseline.seconds)}"
    )
    return baseline


def imported_baseline(
    source: Source, store: Store, builder: Builders, checkpoint: Path, architecture: str, view: View
) -> Baseline:
    baseline = built(builder.submit(import_baseline, store.folder, source, checkpoint.absolute(), architecture))
    remember_baseline(store, baseline)
    if not baseline.trusted:
        view.say(
            f"{checkpoint} does not say what it was trained on: validation may have been trained on, "
            f"{100 * baseline.optimism:.2f} points are added to the margin"
        )
    return baseline


def _baseline_fact(fingerprint: str, architecture: str) -> str:
    """Each network has a baseline of its own; the default one's was called so before there were others."""
    return f"baseline {fingerprint}" + ("" if architecture == DEFAULT_NETWORK else f" {architecture}")
