"""`baseline`: train the unpruned network, or import a team's own."""

import argparse
from dataclasses import replace

from search.builder import Builder, built
from search.building import import_baseline
from search.durations import spoken
from search.exit_status import INTERRUPTED, OK
from search.lock import locked
from search.preparation import have_baseline, prepare, remember, remember_baseline
from search.settings import Settings, settings
from search.store import Store
from search.view import View
from space.baseline import read_checkpoint, read_description


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


def _baseline(chosen: Settings, options: argparse.Namespace, store: Store, view: View) -> int:
    prepared = prepare(chosen, store, view.say)
    with Builder(view.step) as builder, view:
        remember(store, prepared.source)
        if options.checkpoint is None:
            if prepared.baseline is None:
                view.say(f"training the baseline takes about {spoken(prepared.baseline_s)}")
            baseline = have_baseline(prepared, store, builder, chosen.seed, view)
        else:
            baseline = built(
                builder.submit(import_baseline, store.folder, prepared.source, options.checkpoint.absolute())
            )
            remember_baseline(store, baseline)
            if not baseline.trusted:
                view.say(
                    f"{options.checkpoint} does not say what it was trained on: validation may have been trained on, "
                    f"{100 * baseline.optimism:.2f} points are added to the margin"
                )
    print(
        f"baseline {baseline.id}: {100 * baseline.validation_accuracy:.2f} % on validation of {baseline.data}, "
        f"mean {baseline.mean}, std {baseline.std}"
    )
    return OK
