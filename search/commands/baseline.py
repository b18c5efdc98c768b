"""`baseline`: train the unpruned network, or import a team's own."""

import argparse
from dataclasses import replace

from search.commands.exit_status import INTERRUPTED, OK
from search.running.baseline_run import import_and_keep, train_and_keep
from search.running.view import View
from search.settings.keys import AUTO
from search.settings.settings import settings
from search.store.writing import writing
from space.baseline import read_description
from space.checkpoint import read_checkpoint
from space.networks.choose import network_named
from space.networks.images import usual_data


def main(options: argparse.Namespace) -> int:
    chosen = settings(vars(options))
    if options.checkpoint is not None:
        # What is wrong with the file is said before anything is made; a team's own model is one for the usual images
        # unless it says otherwise.
        network = network_named(chosen.architecture)
        read_checkpoint(options.checkpoint, network)
        read_description(options.checkpoint)
        if chosen.data == AUTO:
            chosen = replace(chosen, data=usual_data(network).name)
    with writing(chosen.store, chosen.storage) as store:
        try:
            if options.checkpoint is None:
                baseline = train_and_keep(chosen, store, View(0), options.schedule)
            else:
                baseline = import_and_keep(chosen, store, View(0), options.checkpoint)
        except KeyboardInterrupt:
            return INTERRUPTED
    print(
        f"baseline {baseline.id}: {100 * baseline.validation_accuracy:.2f} % on validation of {baseline.data}, "
        f"mean {baseline.mean}, std {baseline.std}"
    )
    return OK
