"""`python -m search`: search, or go on where it stopped."""

import argparse
import shlex
import signal
import sys
import time
from types import FrameType

from evaluators.device.devices.choose import board_of, open_device
from evaluators.power.choose import open_meter
from evaluators.runtimes.runtime import RUNTIMES
from search.building.cluster.address import check_installed, checked
from search.commands.command_line import program
from search.commands.exit_status import INTERRUPTED, NONE_FEASIBLE, OK
from search.commands.export import check_endings, export_study
from search.commands.outcome import print_results
from search.export.html.going import going_page
from search.results.published import read_published
from search.results.report import results_console
from search.results.standings import standings
from search.running.confirm_run import confirm_leaders
from search.running.plan import planned
from search.running.search_run import search
from search.running.studies import table_of
from search.running.view import View
from search.settings.settings import Settings, settings
from search.store.database import store_faults
from search.store.store import Store
from search.store.trials import COMPLETE
from search.store.writing import writing
from space.dimensions import MOST_THREADS


def main(options: argparse.Namespace) -> int:
    begun = time.monotonic()
    chosen = settings(vars(options))
    _check(chosen)
    published = read_published(chosen.published)
    view = View(0, whole_screen=True)
    page = going_page(options.page, view.warn) if options.page else None
    if page:
        view.after_trial = page.after_trial
    if options.dry_run:
        print("\n".join(planned(chosen, Store.found(chosen.store, chosen.storage), view.say).lines()))
        return OK
    for number in (signal.SIGTERM, signal.SIGHUP):
        # What nohup ignores stays ignored.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)
    with writing(chosen.store, chosen.storage) as store:
        try:
            # Optuna has a connection of its own.
            with store_faults(store.url):
                goals = search(chosen, store, view, begun)
            if options.confirm:
                confirm_leaders(chosen, store, goals, view)
        except KeyboardInterrupt:
            view.say(_stopped(store))
            return INTERRUPTED
        finally:
            if page:
                page.end(store)
        status = print_results(results_console(), store, [standings(store, goal, published) for goal in goals])
        if status == NONE_FEASIBLE:
            print(f"next: {_again()}")
        if options.config and chosen.exports:
            export_study(store, goals[0], chosen, options.config.stem)
        return status


def _check(chosen: Settings) -> None:
    """What cannot be is said before anything is made or trained."""
    for device in chosen.devices:
        open_device(device)
    for device, meter in zip(chosen.devices, chosen.meters, strict=False):
        open_meter(meter, board_of(device))
    table_of(chosen, MOST_THREADS, RUNTIMES.names())
    check_endings(chosen.exports)
    if chosen.workers is not None:
        checked(chosen.workers, chosen.workers_plain)
        check_installed()


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _stopped(store: Store) -> str:
    finished = sum(trial.state == COMPLETE for goal in store.studies() for trial in store.trials(goal.id))
    return f"stopped; {finished} finished trials are kept in {store.folder}, go on with: {_again()}"


def _again() -> str:
    """The same command goes on with the search."""
    return shlex.join([*program(), *sys.argv[1:]])
