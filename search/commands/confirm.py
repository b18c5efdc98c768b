"""`confirm`: the leaders again, on the whole test set, in three processes, the reference beside them."""

import argparse
from collections.abc import Sequence

from evaluators.evaluate import Measured
from evaluators.measurement import Accuracy
from search.evaluation import Confirmation, Evaluation
from search.exit_status import INTERRUPTED
from search.goal import Goal
from search.lock import locked
from search.preparation import find_cifar10
from search.report import print_results, results_console
from search.rig import Rig, open_rig, save_images
from search.settings import Settings, asked, settings
from search.standings import chosen_goals, standings
from search.store import Store
from search.view import View
from space import datasets
from space.datasets import Source
from space.errors import RequestError
from space.images import DataSet

_LEADERS = 3


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


def confirm_leaders(chosen: Settings, store: Store, goals: Sequence[Goal], view: View, leaders: int = _LEADERS) -> None:
    """The leaders of each study; then on down its ranking until one holds the line on test."""
    data = images_of(goals[0], chosen, store)
    images = save_images(store.folder / "images" / f"{data.fingerprint}-test.npy", data.test.pixels)
    with open_rig(chosen.devices, images, view.say, chosen.meters) as rig, view:
        if rig.bench.id != goals[0].bench_id:
            raise RequestError(
                f"{goals[0].id} was measured on {store.bench(goals[0].bench_id).title}; --device {chosen.device} is "
                f"{rig.bench.title}: search there first"
            )
        reference = standings(store, goals[0]).baseline
        view.begin("confirming the baseline: ")
        earlier = store.runs(reference.candidate.recipe.structure_id, rig.bench.id)
        rig.use_reference(reference.candidate, earlier, view.step)
        confirmed = {_confirm(reference, goals[0], store, rig, data, view)}
        for goal in goals:
            place = 0
            while True:
                now = standings(store, goal)
                waiting = [one for one in now.ranked[: now.leaders] if one.recipe_id not in confirmed]
                holds = any(one.recipe_id in confirmed for one in now.ranked[: now.leaders])
                if not waiting or (place >= leaders and holds):
                    break
                view.begin(f"confirming {waiting[0].recipe_id}: ")
                confirmed.add(_confirm(waiting[0], goal, store, rig, data, view))
                place += 1


def _confirm(evaluation: Evaluation, goal: Goal, store: Store, rig: Rig, data: DataSet, view: View) -> str:
    """Accuracy is that of the device's own answers."""
    images = store.folder / "images" / f"{data.fingerprint}-test.npy"
    measured: Measured = rig.confirm(evaluation.candidate, images, view.step)
    engine = f"{measured.figures.framework} on the device"
    test = Accuracy.of(measured.predictions, data.test.labels.tolist(), engine)
    low, high = test.interval
    confirmation = Confirmation(measured.figures, test)
    store.add_confirmation(evaluation.recipe_id, goal.baseline_id, goal.bench_id, confirmation, measured.raw)
    store.add_traces(evaluation.candidate.recipe.structure_id, goal.bench_id, measured.traces)
    view.say(
        f"{evaluation.recipe_id}: {100 * test.share:.2f} % test ({100 * low:.2f} to {100 * high:.2f}), "
        f"{1e3 * measured.figures.latency_s:.4g} ms over {measured.figures.processes} runs of {len(data.test):,} images"
    )
    return evaluation.recipe_id


def images_of(goal: Goal, chosen: Settings, store: Store) -> DataSet:
    """The images the study was searched on."""
    source: Source | None = Source(goal.data) if goal.data == "builtin" else find_cifar10(chosen, store)
    if source is None:
        raise RequestError(f"{goal.id} needs CIFAR-10, which is not on this disk; name its folder with --data-dir")
    data = datasets.load(source)
    if data.fingerprint != goal.fingerprint:
        raise RequestError(f"{goal.id} was searched on other images ({goal.fingerprint}, not {data.fingerprint})")
    return data
