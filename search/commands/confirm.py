"""`confirm`: the leaders again, on the whole test set, in three processes, the reference beside them."""

import argparse
from collections.abc import Sequence

from evaluators.device.device import ProcessRun
from evaluators.evaluate import Measured
from evaluators.measurement import Accuracy
from search.builder import Builder
from search.evaluation import Confirmation, Evaluation
from search.exit_status import INTERRUPTED
from search.goal import Goal
from search.lock import locked
from search.objectives import OBJECTIVES
from search.preparation import find_cifar10
from search.ranking import probability
from search.report import print_results, results_console
from search.rig import Rig, open_rig, save_images
from search.settings import Settings, asked, settings
from search.standings import chosen_goals, standings
from search.store import Store
from search.tuning import tune
from search.view import View
from space import baseline as baselines
from space import datasets
from space.datasets import Source
from space.errors import RequestError
from space.images import DataSet

_LEADERS = 3
# Near-ties are measured again at most so often, unless the leader is this likely the better one.
_ROUNDS, _SURE = 3, 0.95


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
    data = images_of(goals[0], chosen, store)
    images = save_images(store.folder / "images" / f"{data.fingerprint}-test.npy", data.test.pixels)
    with open_rig(chosen.devices, images, view.say, chosen.meters) as rig, view:
        if rig.bench.id != goals[0].bench_id:
            raise RequestError(
                f"{goals[0].id} was measured on {store.bench(goals[0].bench_id).title}; --device {chosen.device} is "
                f"{rig.bench.title}: search there first"
            )
        if rig.device.recorded:
            raise RequestError(
                f"--device {chosen.device} holds no answers to the test images; confirm on the board itself"
            )
        reference = standings(store, goals[0]).baseline
        view.begin("confirming the baseline: ")
        earlier = store.runs(reference.candidate.recipe.structure_id, rig.bench.id)
        rig.use_reference(reference.candidate, earlier, view.step)
        with Builder(view.step) as builder:
            for goal in goals:
                _tune(goal, chosen, store, rig, builder, view)
        confirmed = {reference.recipe_id: _confirm(reference, goals[0], store, rig, data, view)}
        for goal in goals:
            place = 0
            while True:
                now = standings(store, goal)
                waiting = [one for one in now.ranked[: now.leaders] if one.recipe_id not in confirmed]
                holds = any(one.recipe_id in confirmed for one in now.ranked[: now.leaders])
                if not waiting or (place >= leaders and holds):
                    break
                view.begin(f"confirming {waiting[0].recipe_id}: ")
                confirmed[waiting[0].recipe_id] = _confirm(waiting[0], goal, store, rig, data, view)
                place += 1
            _race(goal, store, rig, data, view, confirmed)


def _tune(goal: Goal, chosen: Settings, store: Store, rig: Rig, builder: Builder, view: View) -> None:
    """A grid says itself which settings it compares; what is confirmed needs no other."""
    leader = standings(store, goal).best
    if leader is None or goal.grid or leader.confirmation:
        return
    baseline = baselines.describe(store.folder / "baselines", goal.baseline_id)
    tune(leader, goal, store, rig, builder, baseline, _source(goal, chosen, store), view)


def _race(
    goal: Goal, store: Store, rig: Rig, data: DataSet, view: View, confirmed: dict[str, Sequence[ProcessRun]]
) -> None:
    """The two that lead are measured on, in turns, until one is likely enough the better one."""
    for _ in range(_ROUNDS):
        now = standings(store, goal)
        front = [one for one in now.ranked[: now.leaders] if one.recipe_id in confirmed][:2]
        if goal.grid or len(front) < 2:
            return
        sure = probability(front[0], front[1], OBJECTIVES[goal.objective])
        if sure >= _SURE:
            return
        view.say(f"{front[0].recipe_id} is better than {front[1].recipe_id} with {100 * sure:.0f} %: both once more")
        for one in front:
            view.begin(f"once more {one.recipe_id}: ")
            confirmed[one.recipe_id] = _confirm(one, goal, store, rig, data, view, confirmed[one.recipe_id])


def _confirm(
    evaluation: Evaluation,
    goal: Goal,
    store: Store,
    rig: Rig,
    data: DataSet,
    view: View,
    earlier: Sequence[ProcessRun] = (),
) -> Sequence[ProcessRun]:
    """Accuracy is that of the device's own answers; all its runs, the earlier ones among them."""
    images = store.folder / "images" / f"{data.fingerprint}-test.npy"
    measured: Measured = rig.confirm(evaluation.candidate, images, view.step, earlier)
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
    return measured.runs


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
