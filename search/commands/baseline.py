"""`baseline`: train the unpruned network, or import a team's own."""

import argparse
from dataclasses import replace

from search.building.child import Builder
from search.commands.exit_status import INTERRUPTED, OK
from search.running.baseline import imported_baseline
from search.running.data_choice import remember
from search.running.preparation import Prepared, have_baseline, prepare
from search.running.training_speed import baseline_seconds
from search.running.view import View
from search.settings.durations import spoken
from search.settings.settings import Settings, settings
from search.store.lock import locked
from search.store.store import Store
from space.baseline import read_description
from space.checkpoint import read_checkpoint
from space.training.accelerator import accelerator, title


def main(options: argparse.Namespace) -> int:
    chosen = settings(vars(options))
    if options.checkpoint is not None:
        # Said before anything is made; a team's own model is one for CIFAR-10 unless it says otherwise.
        read_checkpoint(options.checkpoint)
        read_description(options.checkpoint)
        if chosen.data == "auto":
            chosen = replace(chosen, data="cifar10")
    with locked(chosen.store):
        store = Store.create(chosen.store, chosen.storage)
        try:
            return _baseline(chosen, options, store, View(0))
        except KeyboardInterrupt:
            return INTERRUPTED


def _duration(chosen: Settings, prepared: Prepared, store: Store, length: str) -> list[str]:
    """What trains, how long it takes, and what the other schedule would take."""
    device = accelerator(chosen.accelerator)
    name, images = prepared.data.name, len(prepared.data.train)
    took = {
        schedule: spoken(baseline_seconds(name, images, chosen.accelerator, store, schedule))
        for schedule in ("short", "long")
    }
    schedule = ("short" if device.type == "cpu" else "long") if length == "auto" else length
    lines = [f"training the baseline on {title(device)} takes about {took[schedule]}"]
    if took["short"] != took["long"]:
        other = "long" if schedule == "short" else "short"
        lines.append(f"that is the {schedule} schedule; --schedule {other} takes about {took[other]}")
    return lines


def _baseline(chosen: Settings, options: argparse.Namespace, store: Store, view: View) -> int:
    prepared = prepare(chosen, store, view.say)
    with Builder(view.step) as builder, view:
        remember(store, prepared.source)
        if options.checkpoint is None:
            if prepared.baseline is None:
                for text in _duration(chosen, prepared, store, options.schedule):
                    view.say(text)
            else:
                view.say(f"{chosen.store} has a baseline of these images already; another --store trains another")
            baseline = have_baseline(prepared, store, builder, chosen, view, options.schedule)
        else:
            baseline = imported_baseline(prepared.source, store, builder, options.checkpoint, view)
    print(
        f"baseline {baseline.id}: {100 * baseline.validation_accuracy:.2f} % on validation of {baseline.data}, "
        f"mean {baseline.mean}, std {baseline.std}"
    )
    return OK
