"""Trainers at scale: what a cluster's workers bring and cost, and what becomes of a study whose workers die.

    python -m tests.benchmarks.trainers_at_scale throughput [--trainers 1 2 4 8 16] [--seconds 2] [--each 8]
    python -m tests.benchmarks.trainers_at_scale kills [--times 10]
    python -m tests.benchmarks.trainers_at_scale walltime

All on the loopback: a real Dask scheduler, real workers, for `walltime` a real Slurm (as root).

`throughput`: the pipeline of a search, its sampler and a board that answers at once; workers sleep in place of
training. With 8 of them 0.9 of what eight would do without any overhead, and at most 50 ms of it for a trial.
`kills`: a whole search, once with two builders of this machine and once with two workers, which are killed in
mid-training so many times, and their scheduler once. The same trials, and each recipe once.
`walltime`: two workers of a minute each, twice; what they train takes longer than both.
"""

import argparse
import json
import os
import random
import signal
import subprocess
import sys
import threading
import time
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

from optuna.storages import RDBStorage

from search.building.cluster.executor import ClusterExecutor
from search.choosing.model_sampler import ModelSampler
from search.choosing.settled_recipes import Known
from search.choosing.study import Study
from search.commands.exit_status import OK
from search.running.busy import Busy
from search.running.pipeline import Pipeline
from search.running.view import View
from search.running.workplace import Workplace
from search.scoring.objectives import OBJECTIVES
from search.store.store import Store
from tests import shapes
from tests.search.building.cluster.loopback import (
    BASELINE,
    ORDERED,
    ROOT,
    Cluster,
    Seen,
    begun,
    cluster,
    opened,
    order,
    store_folder,
    trained,
    until,
    worker_folder,
)
from tests.search.building.cluster.simulated import LOG, STEADY
from tests.search.building.cluster.slurm_site import jobs, slurm_site
from tests.search.made_up import GOAL, store_with
from tests.search.running.test_pipeline import TABLE, VALIDATION, Board, Trainer
from tests.search.whole import environment, finished

SHARE, ENGINE_S, AT = 0.9, 0.05, 8


def pipeline(store: Store, executor: ClusterExecutor, count: int) -> Pipeline:
    known = Known()
    sampler = ModelSampler(0, TABLE, known, OBJECTIVES[GOAL.objective], GOAL.least_accuracy)
    study = Study(GOAL, store, RDBStorage(store.url), TABLE, known, sampler=sampler, first=shapes.values(TABLE))
    study.resume()
    board = Board(0.0, lambda number: 1.0, here=False)
    # What was recorded is not compared with the answers of a board.
    board.device = SimpleNamespace(recorded=True)
    drafter = Trainer(0, lambda recipe: 0.7)
    work = Workplace(store, board, executor, drafter, BASELINE, None, ORDERED, VALIDATION, View(0))
    work.training = Busy(count)
    return Pipeline([study], work)


def throughput(trainers: list[int], seconds: float, each: int) -> bool:
    held = True
    for count in trainers:
        with TemporaryDirectory() as name, cluster(environment={STEADY: str(seconds)}) as made:
            share, engine_s = one_throughput(made, Path(name), count, count * each)
        if count == AT:
            held = share >= SHARE and engine_s <= ENGINE_S
            print(f"at {AT}: {100 * share:.1f} % (bar {100 * SHARE:.0f} %), {1e3 * engine_s:.0f} ms (bar 50 ms)")
    return held


def one_throughput(made: Cluster, folder: Path, count: int, trials: int) -> tuple[float, float]:
    workers = [worker_folder(folder / f"worker{number}") for number in range(count)]
    for worker in workers:
        made.start_worker(worker)
    seen, store = Seen(), store_with(store_folder(folder / "store"), [])
    with opened(made, store.folder, seen, places=count) as executor:
        until(lambda: len(seen.at) == count, "the workers")
        # Each has its child from now on, and the baseline.
        for task in [executor.submit(order(seed=1_000_000 + number)) for number in range(count)]:
            task.result()
        line = pipeline(store, executor, count)
        asking = Asking(line.studies[0])
        begun_at, processor_s = time.monotonic(), time.process_time()
        with redirect_stdout(StringIO()):
            ended = line.run(trials, float("inf"))
        taken_s, processor_s = time.monotonic() - begun_at, time.process_time() - processor_s
    lines = [text for worker in workers for text in (worker / LOG).read_text().splitlines()]
    slept = [float(text.split()[1]) for text in lines if text.startswith("slept")]
    slept = slept[-ended:]
    ideal_s = ended * sum(slept) / len(slept) / count
    overhead_s = (taken_s - ideal_s) * count / ended
    engine_s = (processor_s - asking.processor_s) / ended
    print(
        f"{count:3} trainers: {ended} trials of {sum(slept) / len(slept):.3f} s in {taken_s:.2f} s, "
        f"{100 * ideal_s / taken_s:.1f} % of ideal, {1e3 * overhead_s:.0f} ms of a trainer's time more for each; of the "
        f"controller's processor a trial takes {1e3 * engine_s:.0f} ms beside the asker's "
        f"{1e3 * asking.processor_s / ended:.0f} ms; the asker was at it {100 * line.asking.seconds / taken_s:.1f} % of "
        "the time",
        flush=True,
    )
    return ideal_s / taken_s, engine_s


class Asking:
    """How much of a processor a study takes to choose recipes."""

    def __init__(self, study: Study) -> None:
        self.processor_s, self._ask = 0.0, study.ask
        study.ask = self  # type: ignore[method-assign, assignment]

    def __call__(self, *words: float) -> object:
        begun_s = time.thread_time()
        try:
            return self._ask(*words)
        finally:
            self.processor_s += time.thread_time() - begun_s


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    each = actions.add_parser("throughput")
    each.add_argument("--trainers", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    each.add_argument("--seconds", type=float, default=2.0)
    each.add_argument("--each", type=int, default=8)
    options = parser.parse_args()
    if options.action == "throughput":
        return 0 if throughput(options.trainers, options.seconds, options.each) else 1
    return 1


if __name__ == "__main__":
    sys.exit(main())
