"""`python -m search`: search, or go on where it stopped."""

import argparse
import math
import shlex
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from types import FrameType

from optuna.storages import RDBStorage

from evaluators.device.devices.choose import board_of, open_device
from evaluators.power.choose import open_meter
from search.building.child import Builder
from search.choosing.first_recipes import first_values
from search.choosing.grid_order import GridOrder
from search.choosing.model_sampler import ModelSampler
from search.choosing.optuna_samplers import DistinctSampler
from search.choosing.sampler import Sampler
from search.choosing.settled_recipes import Known, Pool
from search.choosing.study import Study
from search.choosing.time_left import TimeLeft, cost
from search.commands.confirm import confirm_leaders
from search.commands.exit_status import INTERRUPTED, OK
from search.commands.outcome import print_results
from search.measuring.rig import Rig, open_rig, save_images
from search.results.report import results_console
from search.results.standings import standings
from search.results.wording import ONE_CONTEST
from search.running.pipeline import Pipeline
from search.running.plan import plan
from search.running.preparation import Prepared, have_baseline, prepare, remember, remember_speed, seconds_per_image
from search.running.reference import References, scale_of
from search.running.remeasuring import timed_dirty
from search.running.view import View
from search.running.watch import RUN
from search.scoring.objectives import OBJECTIVES
from search.settings.settings import MODEL, Settings, settings
from search.store.database import store_faults
from search.store.goal import Goal
from search.store.lock import locked
from search.store.store import COMPLETE, Store
from space.baseline import Baseline, baseline_recipe
from space.dimensions import MOST_THREADS, Dimension, digest, dimensions, grid


def main(options: argparse.Namespace) -> int:
    begun = time.monotonic()
    chosen = settings(vars(options))
    # Said before anything is made or trained.
    for device in chosen.devices:
        open_device(device)
    for device, meter in zip(chosen.devices, chosen.meters, strict=False):
        open_meter(meter, board_of(device))
    _table(chosen, MOST_THREADS)
    view = View(chosen.trials)
    if options.dry_run:
        store = Store.found(chosen.store, chosen.storage)
        for text in plan(chosen, prepare(chosen, store, view.say), _past_trials_s(store), store).lines():
            print(text)
        return OK
    for number in (signal.SIGTERM, signal.SIGHUP):
        # What nohup ignores stays ignored.
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, _interrupt)
    with locked(chosen.store):
        store = Store.create(chosen.store, chosen.storage)
        try:
            # Optuna has a connection of its own.
            with store_faults(store.url):
                goals = _search(chosen, store, view, begun)
            if options.confirm:
                confirm_leaders(chosen, store, goals, view)
        except KeyboardInterrupt:
            view.say(_stopped(store))
            return INTERRUPTED
        return print_results(results_console(), [standings(store, goal) for goal in goals])


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _search(chosen: Settings, store: Store, view: View, begun: float) -> list[Goal]:
    prepared = prepare(chosen, store, view.say)
    for text in plan(chosen, prepared, _past_trials_s(store), store).lines():
        view.say(text)
    if not chosen.meters and any(OBJECTIVES[name].needs_energy for name in chosen.objectives):
        view.say(ONE_CONTEST)
    images = save_images(
        store.folder / "images" / f"{prepared.data.fingerprint}-validation.npy", prepared.data.validation.pixels
    )
    with ExitStack() as stack:
        rig = stack.enter_context(open_rig(chosen.devices, images, view.say, chosen.meters))
        builder = stack.enter_context(Builder(view.step))
        drafter = builder if rig.on_this_machine else stack.enter_context(Builder(lambda step, share: None))
        stack.enter_context(view)
        store.add_bench(rig.bench, rig.device)
        remember(store, prepared.source)
        remember_speed(store, chosen.accelerator)
        baseline = have_baseline(prepared, store, builder, chosen, view)
        References(store, builder, rig, view, baseline, prepared.source).settle()
        deadline = math.inf if chosen.timeout_s is None else begun + chosen.timeout_s
        # On the clock of whoever watches.
        store.remember(RUN, str(time.time() + deadline - time.monotonic()) if chosen.timeout_s else "")
        studies = _studies(chosen, store, prepared, baseline, rig, view, deadline)
        pipeline = Pipeline(
            studies,
            store,
            rig,
            builder,
            drafter,
            baseline,
            prepared.source,
            prepared.data.validation,
            view,
            chosen.accelerator,
        )
        dirty = timed_dirty(store, [study.goal for study in studies])
        try:
            # First those of earlier runs: what they are up to decides what is gated.
            pipeline.meter_contenders(deadline)
            pipeline.run(chosen.trials, deadline)
            pipeline.measure_again(dirty, deadline)
            pipeline.meter_contenders(deadline)
        finally:
            store.remember(RUN, "")
        return [study.goal for study in studies]


def _studies(
    chosen: Settings, store: Store, prepared: Prepared, baseline: Baseline, rig: Rig, view: View, deadline: float
) -> list[Study]:
    pool = Pool()
    time_left = TimeLeft(
        lambda: deadline - time.monotonic(), _seconds_per_cost(chosen, store, prepared), rig.metering_s
    )
    storage = RDBStorage(store.url)
    before = store.studies()
    studies = []
    for objective in chosen.objectives:
        goal = goal_of(replace(chosen, objective=objective), prepared, baseline, rig)
        table = _table(chosen, rig.cores)
        known = Known(pool)
        study = Study(
            goal,
            store,
            storage,
            table,
            known,
            sampler=_sampler(chosen, table, known, goal, time_left),
            first=() if chosen.grid else first_values(table),
            scale=scale_of(store, goal.bench_id, goal.baseline_id),
            time_left=time_left,
            say=view.say,
        )
        for text in [*_changed(goal, before), *study.resume()]:
            view.say(text)
        studies.append(study)
    return studies


def _sampler(chosen: Settings, table: tuple[Dimension, ...], known: Known, goal: Goal, time_left: TimeLeft) -> Sampler:
    if chosen.grid:
        return GridOrder(table, known, time_left)
    if chosen.sampler != MODEL:
        return DistinctSampler(chosen.sampler, chosen.seed, table, known, time_left)
    return ModelSampler(chosen.seed, table, known, OBJECTIVES[goal.objective], goal.least_accuracy, time_left)


def _seconds_per_cost(chosen: Settings, store: Store, prepared: Prepared) -> float:
    """Of training here, by the benchmark of the unpruned network."""
    images = len(prepared.data.train)
    return seconds_per_image(chosen.accelerator, store) * images / cost(baseline_recipe(), 1)


def _table(chosen: Settings, cores: int) -> tuple[Dimension, ...]:
    if chosen.grid:
        return grid(**asdict(chosen.grid))
    return dimensions(chosen.space, cores, chosen.fixed_values)


def goal_of(chosen: Settings, prepared: Prepared, baseline: Baseline, rig: Rig) -> Goal:
    least = chosen.minimum_accuracy
    # By default one standard error of the validation set at the line.
    margin = math.sqrt(least * (1 - least) / len(prepared.data.validation)) if chosen.margin is None else chosen.margin
    return Goal(
        objective=chosen.objective,
        space=chosen.space,
        fixed=chosen.fixed,
        grid=chosen.grid.to_json() if chosen.grid else "",
        table="" if chosen.grid else digest(_table(chosen, rig.cores)),
        data=prepared.data.name,
        fingerprint=prepared.data.fingerprint,
        baseline_id=baseline.id,
        bench_id=rig.bench.id,
        minimum_accuracy=least,
        margin=round(margin + baseline.optimism, 6),
    )


def _changed(goal: Goal, before: Sequence[Goal]) -> list[str]:
    """One line where this is another study than the last of its objective."""
    last = next((other for other in before if other.objective == goal.objective), None)
    if last is None or last.id == goal.id:
        return []
    again = " again" if any(other.id == goal.id for other in before) else ", a study of its own"
    return [f"study {goal.id}{again}: since {last.id}, {' and '.join(goal.differences(last))} changed"]


def _past_trials_s(store: Store | None) -> list[float]:
    """How long this store's latest trials took."""
    goals = store.studies() if store else []
    ended = [
        trial.ended_at - trial.begun_at
        for goal in goals[:1]
        if store
        for trial in store.trials(goal.id)
        if trial.state == COMPLETE and trial.ended_at
    ]
    return ended[-20:]


def _stopped(store: Store) -> str:
    finished = sum(trial.state == COMPLETE for goal in store.studies() for trial in store.trials(goal.id))
    again = shlex.join(["python", "-m", "search", *sys.argv[1:]])
    return f"stopped; {finished} finished trials are kept in {store.folder}, go on with: {again}"
