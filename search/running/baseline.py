"""Baseline: the unpruned network of the images: the one that the store knows, trained here, or a team's own."""

from pathlib import Path

from search.building.child import Builder, built
from search.building.tasks import import_baseline, train_baseline
from search.running.view import View
from search.settings.durations import spoken
from search.settings.settings import Settings
from search.store.store import Store
from space import baseline as baselines
from space.baseline import Baseline
from space.data.images import DataSet
from space.data.sources import Source


def known_baseline(store: Store | None, data: DataSet) -> Baseline | None:
    """The one that was trained on these images, or imported for them, last."""
    id = store.fact(_baseline_fact(data.fingerprint)) if store else None
    return baselines.describe(store.folder / "baselines", id) if store and id else None


def remember_baseline(store: Store, baseline: Baseline) -> None:
    store.remember(_baseline_fact(baseline.fingerprint), baseline.id)


def trained_baseline(
    source: Source, store: Store, builder: Builder, settings: Settings, view: View, length: str = "auto"
) -> Baseline:
    training = builder.submit(train_baseline, store.folder, source, settings.seed, settings.accelerator, length)
    baseline = built(training)
    remember_baseline(store, baseline)
    view.say(
        f"baseline: {100 * baseline.validation_accuracy:.2f} % on validation, trained in {spoken(baseline.seconds)}"
    )
    return baseline


def imported_baseline(source: Source, store: Store, builder: Builder, checkpoint: Path, view: View) -> Baseline:
    baseline = built(builder.submit(import_baseline, store.folder, source, checkpoint.absolute()))
    remember_baseline(store, baseline)
    if not baseline.trusted:
        view.say(
            f"{checkpoint} does not say what it was trained on: validation may have been trained on, "
            f"{100 * baseline.optimism:.2f} points are added to the margin"
        )
    return baseline


def _baseline_fact(fingerprint: str) -> str:
    return f"baseline {fingerprint}"
