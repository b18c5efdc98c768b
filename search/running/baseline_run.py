"""Baseline run: trains the baseline of the chosen images, or imports a team's own, and says how long it takes."""

from pathlib import Path

from search.building.builders import Builders
from search.running.baseline import imported_baseline
from search.running.data_choice import remember
from search.running.preparation import Prepared, have_baseline, prepare
from search.running.training_speed import baseline_seconds, remember_speed
from search.running.view import BUILDER, View
from search.settings.durations import spoken
from search.settings.settings import Settings
from search.store.store import Store
from space.baseline import Baseline
from space.data.choose import data_set_named
from space.training.accelerator import accelerator, title


def train_and_keep(chosen: Settings, store: Store, view: View, length: str) -> Baseline:
    """The one that there is already, where there is one."""
    prepared = prepare(chosen, store, view.say, to_train=True)
    with Builders(view.place(BUILDER)) as builder, view:
        remember(store, prepared.source, chosen.architecture)
        if prepared.baseline is None:
            for text in _duration(chosen, prepared, store, length):
                view.say(text)
            remember_speed(store)
        else:
            view.say(f"{chosen.store} has a baseline of these images already; another --store trains another")
        return have_baseline(prepared, store, builder, chosen, view, length)


def import_and_keep(chosen: Settings, store: Store, view: View, checkpoint: Path) -> Baseline:
    prepared = prepare(chosen, store, view.say)
    with Builders(view.place(BUILDER)) as builder, view:
        remember(store, prepared.source, chosen.architecture)
        return imported_baseline(prepared.source, store, builder, checkpoint, chosen.architecture, view)


def _duration(chosen: Settings, prepared: Prepared, store: Store, length: str) -> list[str]:
    """What trains, how long it takes, and what the other schedule would take."""
    device = accelerator(chosen.accelerator)
    collection, shape = data_set_named(prepared.data.name), prepared.data.shape

    def takes(schedule: str) -> str:
        return spoken(baseline_seconds(collection, shape, chosen, store, schedule))

    schedule = ("short" if device.type == "cpu" else "long") if length == "auto" else length
    took = {schedule: takes(schedule)}
    lines = [f"training the baseline on {title(device)} takes about {took[schedule]}"]
    # On a GPU it would take as long to find out as to train a good part of it.
    if device.type == "cpu":
        took |= {length: takes(length) for length in ("short", "long") if length != schedule}
    if len(set(took.values())) > 1:
        other = "long" if schedule == "short" else "short"
        lines.append(f"that is the {schedule} schedule; --schedule {other} takes about {took[other]}")
    return lines
