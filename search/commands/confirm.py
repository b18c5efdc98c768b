"""`confirm`: the leaders again, on the whole test set, in three processes, the reference beside them."""

import argparse
from collections.abc import Sequence

from search.building.child import Builder
from search.commands.chosen import chosen_goals
from search.commands.exit_status import INTERRUPTED
from search.commands.outcome import print_results
from search.measuring.rig import Rig, open_rig, save_images
from search.results.report import results_console
from search.results.standings import standings
from search.running.confirmation import LEADERS, Confirmations
from search.running.preparation import find_cifar10
from search.running.reference import References
from search.running.tuning import tune
from search.running.view import View
from search.settings.settings import Settings, asked, settings
from search.store.goal import Goal
from search.store.lock import locked
from search.store.store import Store
from space import baseline as baselines
from space.data import sources as datasets
from space.data.images import DataSet
from space.data.sources import Source
from space.errors import RequestError


def main(options: argparse.Namespace) -> int:
    chosen = settings(vars(options))
    Store.existing(chosen.store, chosen.storage)
    with locked(chosen.store):
        store = Store.create(chosen.store, chosen.storage)
        goals = chosen_goals(store, chosen, asked(vars(options)))
        try:
            confirm_leaders(chosen, store, goals, View(0), options.top)
        except KeyboardInterrupt:
            return INTERRUPTED
        return print_results(results_console(), [standings(store, goal) for goal in goals])


def confirm_leaders(chosen: Settings, store: Store, goals: Sequence[Goal], view: View, leaders: int = LEADERS) -> None:
    """The leaders of each study; then on down its ranking until one holds the line on test."""
    _check_alike(goals)
    data = images_of(goals[0], chosen, store)
    images = save_images(store.folder / "images" / f"{data.fingerprint}-test.npy", data.test.pixels)
    with open_rig(chosen.devices, images, view.say, chosen.meters) as rig, view:
        _check_bench(rig, goals[0], chosen, store)
        with Builder(view.step) as builder:
            baseline = baselines.describe(store.folder / "baselines", goals[0].baseline_id)
            References(store, builder, rig, view, baseline, _source(goals[0], chosen, store)).settle()
            for goal in goals:
                _tune(goal, chosen, store, rig, builder, view)
        confirmations = Confirmations(store, rig, data, view)
        view.begin("confirming the baseline: ")
        confirmations.confirm(standings(store, goals[0]).baseline, goals[0])
        for goal in goals:
            confirmations.meter(goal)
            confirmations.walk(goal, leaders)
            confirmations.race(goal)


def _check_alike(goals: Sequence[Goal]) -> None:
    for goal in goals[1:]:
        if (goal.fingerprint, goal.baseline_id, goal.bench_id) != (
            goals[0].fingerprint,
            goals[0].baseline_id,
            goals[0].bench_id,
        ):
            raise RequestError(
                f"since {goals[0].id}, {' and '.join(goal.differences(goals[0]))} changed in {goal.id}: "
                "confirm them one by one, with --objective"
            )


def _check_bench(rig: Rig, goal: Goal, chosen: Settings, store: Store) -> None:
    if rig.bench.id != goal.bench_id:
        bench = store.bench(goal.bench_id)
        # Of two boards of one kind, and of a store of an older version, the title is the same.
        apart = ", ".join(bench.differences(rig.bench)) or "protocol"
        raise RequestError(
            f"{goal.id} was measured on {bench.title}; --device {chosen.device} is {rig.bench.title}, and differs in "
            f"{apart}: search there first"
        )
    if rig.device.recorded:
        raise RequestError(f"--device {chosen.device} holds no answers to the test images; confirm on the board itself")


def _tune(goal: Goal, chosen: Settings, store: Store, rig: Rig, builder: Builder, view: View) -> None:
    """A grid says itself which settings it compares; what is confirmed needs no other."""
    leader = standings(store, goal).best
    if leader is None or goal.grid or leader.confirmation:
        return
    baseline = baselines.describe(store.folder / "baselines", goal.baseline_id)
    tune(leader, goal, store, rig, builder, baseline, _source(goal, chosen, store), view)


def images_of(goal: Goal, chosen: Settings, store: Store) -> DataSet:
    """The images the study was searched on."""
    data = datasets.load(_source(goal, chosen, store))
    if data.fingerprint != goal.fingerprint and goal.data == "builtin":
        raise RequestError(
            f"{goal.id} was searched on an earlier built-in image set ({goal.fingerprint}), which is not kept in "
            f"{store.folder / 'images'}; search again: a study on the present set ({data.fingerprint}) begins"
        )
    if data.fingerprint != goal.fingerprint:
        raise RequestError(f"{goal.id} was searched on other images ({goal.fingerprint}, not {data.fingerprint})")
    return data


def _source(goal: Goal, chosen: Settings, store: Store) -> Source:
    if goal.data == "builtin":
        return Source(goal.data, store.folder / "images", goal.fingerprint)
    source = find_cifar10(chosen, store)
    if source is None:
        raise RequestError(f"{goal.id} needs CIFAR-10, which is not on this disk; name its folder with --data-dir")
    return source
