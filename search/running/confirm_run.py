"""Confirm run: the leaders of each study on the whole test set; then down its ranking until one holds the line."""

from collections.abc import Sequence

from search.building.builders import Builders
from search.measuring.rig import Rig, open_rig, save_images
from search.results.standings import standings
from search.running.baseline import baseline_of
from search.running.confirmation import LEADERS, Confirmations
from search.running.data_choice import images_of, source_of
from search.running.noted_bench import note_bench
from search.running.rebuilding import Rebuilding
from search.running.reference import References
from search.running.tuning import tune
from search.running.view import BUILDER, View
from search.settings.settings import Settings
from search.store.goal import Goal
from search.store.store import Store
from search.store.whose_file import built_elsewhere
from space.errors import RequestError


def confirm_leaders(chosen: Settings, store: Store, goals: Sequence[Goal], view: View, leaders: int = LEADERS) -> None:
    check_alike(goals)
    store.say = view.say
    data = images_of(goals[0], chosen, store)
    images = save_images(store.folder / "images" / f"{data.fingerprint}-test.npy", data.test.pixels)
    runtime = goals[0].fixed_values.get("runtime")
    with open_rig(chosen.devices, images, view.warn, chosen.meters, runtime, view.place) as rig, view:
        check_bench(rig, goals[0], chosen, store)
        note_bench(store, rig)
        with Builders(view.place(BUILDER)) as builder:
            baseline = baseline_of(goals[0], store)
            source = source_of(goals[0], chosen, store)
            References(store, builder, rig, view, baseline, source).settle()
            for goal in goals:
                _tune(goal, chosen, store, rig, builder, view)
        confirmations = Confirmations(
            store, rig, data, view, Rebuilding(store, baseline, source, chosen.accelerator, view)
        )
        view.begin("confirming the baseline: ")
        confirmations.confirm(standings(store, goals[0]).baseline, goals[0])
        for goal in goals:
            confirmations.meter(goal)
            confirmations.walk(goal, leaders)
            confirmations.race(goal)


def check_alike(goals: Sequence[Goal]) -> None:
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


def check_bench(rig: Rig, goal: Goal, chosen: Settings, store: Store) -> None:
    device = ",".join(chosen.devices)
    if rig.bench.id != goal.bench_id:
        bench = store.bench(goal.bench_id)
        # Two boards of one kind have the same title, and so has a bench of a store of an older version.
        apart = ", ".join(bench.differences(rig.bench)) or "protocol"
        raise RequestError(
            f"{goal.id} was measured on {bench.title}; --device {device} is {rig.bench.title}, and differs in "
            f"{apart}: search there first"
        )
    if rig.device.recorded:
        raise RequestError(f"--device {device} holds no answers to the test images; confirm on the board itself")


def _tune(goal: Goal, chosen: Settings, store: Store, rig: Rig, builder: Builders, view: View) -> None:
    """A grid says itself which settings it compares; what is confirmed needs no other."""
    leader = standings(store, goal).best
    if leader is None or goal.grid or leader.confirmation:
        return
    if built_elsewhere(store, leader.candidate, goal.baseline_id):
        # Whoever trained it has its weights.
        return
    baseline = baseline_of(goal, store)
    tune(leader, goal, store, rig, builder, baseline, source_of(goal, chosen, store), view)
