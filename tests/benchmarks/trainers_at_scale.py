"""Trainers at scale: what a cluster's workers bring and cost, and what becomes of a study whose workers die.

    python -m tests.benchmarks.trainers_at_scale throughput [--trainers 1 2 4 8 16] [--seconds 2] [--each 8]
        [--taken-for alike]
    python -m tests.benchmarks.trainers_at_scale kills [--times 10]
    python -m tests.benchmarks.trainers_at_scale walltime

All on the loopback: a real Dask scheduler, real workers, for `walltime` a real Slurm (as root).

`throughput`: the pipeline of a search, its sampler and a board that answers at once; workers sleep in place of
training, all as long, whatever recipes are taken for: of lengths from 1 to 100, with `--taken-for alike` of one. With
8 of them 0.9 of what eight would do without any overhead, and at most 50 ms of it for a trial.
`kills`: a whole search, once with two builders of this machine and once with two workers, which are killed in
mid-training so many times, and their scheduler once. The same trials, and each recipe once.
`walltime`: two workers of a minute each, twice; what they train takes longer than both.
"""

import argparse
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
from search.choosing.optuna_samplers import DistinctSampler
from search.choosing.settled_recipes import KnownRecipes
from search.choosing.study import Study
from search.running.busy import Busy
from search.running.doing import kept
from search.running.pipeline import Pipeline
from search.running.view import WORKER, View
from search.running.workplace import Workplace
from search.scoring.objectives import OBJECTIVES
from search.settings.keys import MODEL
from search.store.store import Store
from space.dimension import Dimension
from space.dimensions import dimensions
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
from tests.search.conftest import _start as start
from tests.search.made_up import GOAL, store_with
from tests.search.replayed import recorded, trials_of, with_extras
from tests.search.running.test_pipeline import VALIDATION, Board, Trainer
from tests.search.whole import FIXED, REAL, command, copy

# Every order sleeps as long. What a recipe is taken for hangs on its epochs and its network.
TABLES = {"various": dimensions("full", 2), "alike": dimensions("full", 2, {"epochs": "0"})}
SHARE, ENGINE_S, AT = 0.9, 0.05, 8
# Epochs of a made-up training of 35 s: two of them end in no worker's minute.
LONG = 700


def pipeline(store: Store, executor: ClusterExecutor, count: int, asker: str, table: tuple[Dimension, ...]) -> Pipeline:
    known = KnownRecipes()
    sampler = (
        ModelSampler(0, table, known, OBJECTIVES[GOAL.objective], GOAL.least_accuracy)
        if asker == MODEL
        else DistinctSampler(asker, 0, table, known)
    )
    study = Study(GOAL, store, RDBStorage(store.url), table, known, sampler=sampler, first=shapes.values(table))
    study.resume()
    board = Board(0.0, lambda number: 1.0, here=False)
    # What was recorded is not compared with the answers of a board.
    board.device = SimpleNamespace(recorded=True, trials=())
    drafter = Trainer(0, lambda recipe: 0.7)
    work = Workplace(store, board, executor, drafter, BASELINE, None, ORDERED, VALIDATION, View(0))
    work.training = Busy(count)
    return Pipeline([study], work)


def throughput(trainers: list[int], seconds: float, each: int, asker: str, taken_for: str) -> bool:
    held = True
    for count in trainers:
        with TemporaryDirectory() as name, cluster(environment={STEADY: str(seconds)}) as machines:
            share, engine_s = one_throughput(machines, Path(name), count, count * each, asker, TABLES[taken_for])
        if count == AT:
            held = share >= SHARE and engine_s <= ENGINE_S
            print(f"at {AT}: {100 * share:.1f} % (bar {100 * SHARE:.0f} %), {1e3 * engine_s:.0f} ms (bar 50 ms)")
    return held


def one_throughput(
    machines: Cluster, folder: Path, count: int, trials: int, asker: str, table: tuple[Dimension, ...]
) -> tuple[float, float]:
    workers = [worker_folder(folder / f"worker{number}") for number in range(count)]
    for worker in workers:
        machines.start_worker(worker)
    seen, store = Seen(), store_with(store_folder(folder / "store"), [])
    with opened(machines, store.folder, seen, places=count) as executor:
        until(lambda: len(seen.at) == count, "the workers")
        # Each worker has its child from now on, and the baseline.
        for task in [executor.submit(order(seed=1_000_000 + number)) for number in range(count)]:
            task.result()
        line = pipeline(store, executor, count, asker, table)
        asking = Asking(line.studies[0])
        # What the pipeline says at its end is worked out once, and no trainer waits for it.
        line._say_idle = lambda *about: None  # type: ignore[method-assign]
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
        f"{100 * ideal_s / taken_s:.1f} % of ideal, {1e3 * overhead_s:.0f} ms of a trainer's time more for each; of "
        f"the controller's processor a trial takes {1e3 * engine_s:.0f} ms beside the asker's "
        f"{1e3 * asking.processor_s / ended:.0f} ms; the asker was at it {100 * line.asking.seconds / taken_s:.1f} % "
        f"of the time; load {os.getloadavg()[0]:.1f}",
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


# The options of the main job: few widths vary, and each network is fine-tuned, long enough to be killed meanwhile.
JOB = (*("--data", "builtin", "--space", "pruning", "--fix", FIXED.replace("epochs=0", "epochs=3")),)
JOB = (*JOB, "--min-accuracy", "0.01", "--margin", "0.001", "--sampler", "random")
TRIALS = 6


def kills(times: int) -> bool:
    with TemporaryDirectory() as name, cluster() as machines:
        folder = Path(name)
        (folder / "started").mkdir()
        start(folder / "started")
        recording = recorded(
            copy(folder / "started" / "store", folder / "measured"), folder / "bench.jsonl", JOB, TRIALS
        )
        local = trials_of(
            copy(folder / "started" / "store", folder / "here"), recording, *JOB, "--trials", TRIALS, "--builders", 2
        )
        words = command("workers", machines.address, "--count", 2, "--folder", folder / "worker", program=REAL)
        workers = subprocess.Popen(words, cwd=ROOT, env=with_extras(), stdin=subprocess.DEVNULL)
        killer = Killer(machines, folder / "there", times)
        killer.start()
        try:
            words = ("--workers", machines.address, "--builders", 2)
            remote = trials_of(
                copy(folder / "started" / "store", folder / "there"), recording, *JOB, "--trials", TRIALS, *words
            )
        finally:
            killer.ended.set()
            killer.join()
            workers.terminate()
            workers.wait()
    ids = [row[0] for row in remote]
    same, once = local == remote, len(set(ids)) == len(ids)
    print(
        f"{len(ids)} trials; workers killed in mid-training {killer.killed} times, the scheduler {killer.schedulers}; "
        f"the same trials as with builders here: {same}; each recipe once: {once}"
    )
    for row in remote:
        print(" ", *row)
    return same and once and killer.killed >= times and killer.schedulers == 1


class Killer(threading.Thread):
    """Kills whichever worker the search shows in mid-training."""

    def __init__(self, machines: Cluster, store: Path, times: int) -> None:
        super().__init__(daemon=True)
        self.machines, self.store, self.times = machines, store, times
        self.killed = self.schedulers = 0
        self.ended = threading.Event()

    def run(self) -> None:
        drawn, before = random.Random(0), 0
        while not self.ended.wait(0.5) and self.killed < self.times:
            training = [pid for pid, step in self._shown() if "fine-tune" in step and pid != before]
            if not training:
                continue
            before = drawn.choice(training)
            try:
                os.kill(before, signal.SIGKILL)
            except ProcessLookupError:
                continue
            self.killed += 1
            if self.killed == self.times // 2:
                self.machines.kill_scheduler()
                self.schedulers += 1
                time.sleep(3)
                self.machines.start_scheduler()

    def _shown(self) -> list[tuple[int, str]]:
        """The process of each worker, by its name, and its step."""
        work = kept(self.store)
        doing = [each for each in work.doing if each.place.startswith(WORKER)] if work else []
        return [(int(each.place.rpartition("-")[2]), each.step) for each in doing]


def walltime() -> bool:
    """Four jobs of a minute on a node that has room for two: what the first two train is not done by then."""
    simulated = [sys.executable, "-m", "tests.search.building.cluster.simulated_workers"]
    orders = [order(seed=seed, epochs=LONG) for seed in range(4)]
    with TemporaryDirectory() as name, slurm_site(Path(name) / "site") as environment, cluster() as machines:
        folder, seen = worker_folder(Path(name) / "shared"), Seen()
        words = [*simulated, "workers", machines.address, "--slurm", "--submit", "--count", 6, "--cores", 1]
        words += ["--walltime", "1m", "--folder", folder]
        inside = {**environment, "PYTHONPATH": str(ROOT)}
        subprocess.run([str(word) for word in words], cwd=name, env=inside, check=True)
        begun_at, states = time.monotonic(), []
        with opened(machines, store_folder(Path(name) / "store"), seen) as executor:
            tasks = [executor.submit(each) for each in orders]
            while not all(task.done() for task in tasks):
                if (now := jobs(environment)) != (states[-1] if states else None):
                    states.append(now)
                    print(f"{time.monotonic() - begun_at:6.1f} s  {', '.join(now)}", flush=True)
                time.sleep(0.5)
            done = [task.result() for task in tasks]
        ended, given_back = trained(folder), begun(folder) - len(orders)
        logs = "".join(path.read_text() for path in Path(name).glob("*.log"))
    print(f"{len(done)} orders done, {given_back} were given back in mid-training")
    print(f"said by the jobs: its time is over {logs.count('its time is over')} times")
    return sorted(ended) == sorted(each.recipe.weights_id for each in orders) and given_back > 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    actions = parser.add_subparsers(dest="action", required=True)
    paid = actions.add_parser("throughput")
    paid.add_argument("--trainers", type=int, nargs="+", default=[1, 2, 4, 8, 16])
    paid.add_argument("--seconds", type=float, default=2.0)
    paid.add_argument("--each", type=int, default=8)
    paid.add_argument("--sampler", default="random", help="model takes more of the controller's time to ask")
    paid.add_argument("--taken-for", choices=TABLES, default="various", help="the length that recipes are taken for")
    actions.add_parser("kills").add_argument("--times", type=int, default=10)
    actions.add_parser("walltime")
    options = parser.parse_args()
    if options.action == "throughput":
        held = throughput(options.trainers, options.seconds, options.each, options.sampler, options.taken_for)
    else:
        held = kills(options.times) if options.action == "kills" else walltime()
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
