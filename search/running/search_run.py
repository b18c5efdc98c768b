"""Search run: one run of a search, from the images to the last trial."""

import math
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import replace

from search.building.at_once import AtOnce
from search.building.builders import Builders
from search.building.cluster.address import checked
from search.building.executor import Executor, LocalExecutor
from search.building.order import OrderedImages
from search.building.tasks import trainer
from search.choosing.latency_model import Timing
from search.measuring.rig import Rig, open_rig, save_images
from search.results.kept_files import KEPT, files_of
from search.results.wording import ONE_CONTEST
from search.running.busy import Busy
from search.running.data_choice import remember
from search.running.first_look import FirstLook, LookPlan
from search.running.first_try import limited
from search.running.keeping import clear
from search.running.measuring_place import place_of_rig, remember_place
from search.running.noted_bench import note_bench
from search.running.pipeline import Pipeline
from search.running.plan import beside_s, plan
from search.running.preparation import Prepared, have_baseline, prepare
from search.running.reference import References
from search.running.remeasuring import measure_again, measured_before, measured_dirty, metering_at
from search.running.scales import have_scales
from search.running.side_by_side import side_by_side
from search.running.studies import missing_runtimes, open_studies, table_of
from search.running.training_ahead import TrainingAhead, training_ahead
from search.running.training_speed import remember_speed
from search.running.view import BUILDER, View
from search.running.watch import RUN
from search.running.workplace import Workplace
from search.scoring.objectives import OBJECTIVES
from search.settings.keys import AUTO, KEEP_FRONT
from search.settings.settings import Settings
from search.store.database import StoreError
from search.store.evaluation import Evaluation
from search.store.goal import Goal
from search.store.leases import at_bench
from search.store.store import Store
from space.threads import usable_cores


def search(chosen: Settings, store: Store, view: View, begun: float) -> list[Goal]:
    """`begun`, on the monotonic clock, is when the time of `--timeout` began; the goals of the studies."""
    store.say = view.say
    prepared = prepare(chosen, store, view.say)
    chosen = limited(chosen, prepared, view.say)
    if not chosen.meters and any(OBJECTIVES[name].needs_energy for name in chosen.objectives):
        view.say(ONE_CONTEST)
    validation = prepared.data.validation
    images = save_images(store.folder / "images" / f"{prepared.data.fingerprint}-validation.npy", validation.pixels)
    with ExitStack() as stack:
        cluster = _cluster(chosen, store, prepared, view, stack)
        runtime = dict(chosen.fixed).get("runtime")
        rig = stack.enter_context(open_rig(chosen.devices, images, view.warn, chosen.meters, runtime, view.place))
        builder, at_once = _builders(chosen, rig, cluster, view, stack)
        drafter = builder if rig.on_this_machine else stack.enter_context(Builders(lambda step, share: None))
        stack.enter_context(view)
        for text in missing_runtimes(chosen, rig):
            view.warn(text)
        note_bench(store, rig)
        view.step("how fast this machine trains", 0)
        planned = plan(chosen, prepared, store, place_of_rig(rig, store))
        for text in planned.lines():
            view.say(text)
        if at_once.count > 1 or chosen.builders != AUTO or cluster:
            view.say(f"builders  {at_once}")
        remember(store, prepared.source, chosen.architecture)
        remember_speed(store)
        remember_place(store, chosen, rig)
        baseline = have_baseline(prepared, store, builder, chosen, view)
        deadline = math.inf if chosen.timeout_s is None else begun + chosen.timeout_s
        source = prepared.source
        executor = cluster or LocalExecutor(builder, store.folder, source)
        ordered = OrderedImages(source.name, prepared.data.fingerprint, source.shape)
        work = Workplace(store, rig, executor, drafter, baseline, source, ordered, validation, view)
        work.accelerator, work.keep = chosen.accelerator, chosen.keep
        references = References(store, builder, rig, view, baseline, source)
        references.begin()
        until = min(time.monotonic() + planned.reference_s + planned.look.seconds, deadline)
        ahead = training_ahead(chosen, prepared, work, at_once, until)
        stack.callback(ahead.close)
        work.training = Busy(at_once.count)
        ahead.begin()
        references.settle()
        chosen = have_scales(chosen, store, builder, baseline, source, view)
        timings = _looked(chosen, prepared, work, planned.look, deadline)
        ahead.stop()
        return _searched(chosen, prepared, work, ahead, timings, deadline)


def _looked(
    chosen: Settings, prepared: Prepared, work: Workplace, planned: LookPlan, deadline: float
) -> Sequence[Timing]:
    store, rig, drafter, shape = work.store, work.rig, work.drafter, prepared.data.shape
    looking = FirstLook(store, rig, drafter, work.baseline, work.source, shape, work.view)
    look = replace(planned, seconds=min(planned.seconds, deadline - time.monotonic()))
    return looking.take(table_of(chosen, rig.cores, rig.runtimes), look)


def _searched(
    chosen: Settings,
    prepared: Prepared,
    work: Workplace,
    ahead: TrainingAhead,
    timings: Sequence[Timing],
    deadline: float,
) -> list[Goal]:
    """The trials; the goals of the studies."""
    store, rig, view = work.store, work.rig, work.view
    # The deadline as a Unix time, which whoever watches can read.
    until = time.time() + deadline - time.monotonic() if chosen.timeout_s else None
    store.remember(RUN, "" if until is None else str(until))
    # The reference has shown how long a process takes.
    work.beside_s = beside_s(place_of_rig(rig, store))
    measured = (work.beside_s, ahead.pace.trainings, timings, ahead.ahead)
    studies = open_studies(chosen, store, prepared, work.baseline, rig, view, deadline, *measured)
    store.remember(KEPT, chosen.keep)
    goals = [study.goal for study in studies]
    view.of(store, goals, chosen.most_trials, until)
    try:
        _carried_out(Pipeline(studies, work, ahead), goals, chosen.most_trials, deadline)
    finally:
        # Where the database is gone, why the run ends stays to be said.
        with suppress(StoreError):
            store.remember(RUN, "")
    return goals


def _cluster(chosen: Settings, store: Store, prepared: Prepared, view: View, stack: ExitStack) -> Executor | None:
    """The cluster, before anything is made: a scheduler that does not answer, or workers of another version, end the
    run here."""
    if chosen.workers is None:
        return None
    from search.building.cluster.executor import ClusterExecutor

    address = checked(chosen.workers, chosen.workers_plain)
    places = None if chosen.builders == AUTO else int(chosen.builders)
    view.say(f"workers   {address}")
    executor = ClusterExecutor(address, store.folder, prepared.data, view, view.warn, places, chosen.accelerator)
    return stack.enter_context(executor)


def _builders(
    chosen: Settings, rig: Rig, cluster: Executor | None, view: View, stack: ExitStack
) -> tuple[Builders, AtOnce]:
    """The builders of this machine; one, beside a cluster's workers."""
    at_once = (
        AtOnce(cluster.places, f"workers of {chosen.workers}") if cluster else side_by_side(chosen, rig.on_this_machine)
    )
    count = 1 if cluster else at_once.count
    lines = [view.place(f"{BUILDER} {number}") for number in range(1, count + 1)]
    builders = Builders(*lines, threads=at_once.threads(usable_cores()) if count > 1 else None, say=view.warn)
    stack.enter_context(builders)
    if count > 1:
        # Each loads what trains while this process finds out how fast that is.
        for _ in range(count):
            builders.submit(trainer, chosen.accelerator)
    return builders, at_once


def _carried_out(pipeline: Pipeline, goals: list[Goal], trials: int | None, deadline: float) -> None:
    work = pipeline.work
    metering, dirty = metering_at(work), list[Evaluation]()
    # Of several controllers at one bench, one measures again what all of them know.
    again = f"measuring again at {at_bench(work.rig.bench.id)}"
    with work.store.alone(again) as others:
        if not others:
            # An earlier version's first: they take part only once they are timed with this one.
            measure_again(measured_before(work.store, goals), work, deadline)
            dirty = measured_dirty(work.store, goals)
            # First the contenders of earlier runs: what energy they take decides what is gated.
            metering.meter_contenders(goals, deadline)
    pipeline.run(trials, deadline)
    with work.store.alone(again) as others:
        if not others:
            measure_again(dirty, work, deadline)
            metering.meter_contenders(goals, deadline)
    if work.keep == KEEP_FRONT:
        clear(work.store)
    if files := files_of(work.store):
        work.view.say(str(files))
