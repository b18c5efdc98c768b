"""Several controllers on one study of PostgreSQL, on loopback, each commit on the disk: what an ask takes at ten
thousand trials, what the engine takes of a trial, whether anything is lost when a controller is killed or stands still,
or the server stops.

    python -m tests.benchmarks.scale database [asks overhead one_killed stopped killed_at_random stood_still]
        [--evaluations 10000] [--rounds 5] [--results FILE]

Parts that are named, else all; those that FILE says are done are passed over, and the others noted there, so that a run
that was cut short goes on. The bars: 10 s for opening a study over the evaluations of others; 1 s for an ask; 50 ms of
a trial for all that is not training or measuring; of 200 trials none is lost, told twice or asked for twice; nor of
three controllers of short trials that are killed again and again, nor of one that stands still for longer than its
server waits, or than its lease lasts.
"""

import json
import os
import random
import signal
import statistics
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

from search.choosing.model_sampler import ModelSampler
from search.choosing.optuna_samplers import DistinctSampler
from search.choosing.optuna_storage import open_storage
from search.choosing.settled_recipes import KnownRecipes
from search.choosing.study import Asked, Study
from search.scoring.objectives import OBJECTIVES
from search.store.goal import Goal
from search.store.store import Store
from search.store.trials import INTERRUPTED
from search.store.writing import writing
from tests.search.landscape import TABLE, landscape
from tests.search.made_up import GOAL, evaluation, figures
from tests.search.running.controller import simulated, study_of
from tests.search.running.test_controllers import Controller, at_work, begin_together, begun, check, finished, until
from tests.search.store.postgres import Server, server

ASK_S, OVERHEAD_S, OPENED_S = 1.0, 50e-3, 10.0
# Trials before an overhead is measured, then in how many parts of how many.
WARM, TIMES, EACH = 30, 8, 15
# Trials of two controllers, and how long each is trained.
TRIALS, TRAINED_S = 200, 0.5
STOPPED_S = 60.0
# How often one of how many controllers is killed, and the length of its trainings.
KILLS, CONTROLLERS, SHORT_S = 30, 3, 0.05
# Seconds: longer than a server waits for who stands still in a transaction, and than a lease lasts.
STOOD_STILL_S = (40.0, 75.0)


PARTS = ("asks", "overhead", "one_killed", "stopped", "killed_at_random", "stood_still")


def measured(evaluations: int, rounds: int, names: Sequence[str], results: Path | None) -> int:
    parts: dict[str, Callable[[Server, Path], bool]] = {
        "asks": lambda served, folder: asks(served, folder, evaluations, rounds),
        "overhead": overhead,
        "one_killed": one_killed,
        "stopped": stopped,
        "killed_at_random": killed_at_random,
        "stood_still": stood_still,
    }
    done: dict[str, bool] = {}
    if results is not None and results.exists():
        done = json.loads(results.read_text())
    for name in names or PARTS:
        if name in done:
            print(f"{name}: done before, {'held' if done[name] else 'not held'}")
            continue
        begun_s = time.monotonic()
        with server(durable=True) as served, TemporaryDirectory() as folder:
            done[name] = parts[name](served, Path(folder))
        print(f"{name}: {time.monotonic() - begun_s:.0f} s; load {os.getloadavg()[0]:.1f}", flush=True)
        if results is not None:
            results.write_text(json.dumps(done))
    return 0 if all(done[name] for name in names or PARTS) else 1


def asks(served: Server, folder: Path, evaluations: int, rounds: int) -> bool:
    """Two controllers ask and are told in turns: each ask takes in what the other one found out."""
    _, goal = landscape(folder / "first", evaluations, storage=served.url)
    held = True
    with ExitStack() as stack:
        stores = [stack.enter_context(writing(folder / name, served.url)) for name in ("first", "second")]
        for sampler in ("random", "model"):
            studies = []
            for seed, store in enumerate(stores):
                before = time.perf_counter()
                used_before = time.process_time()
                studies.append(_study(store, goal, sampler, seed))
                opened_s, used_s = time.perf_counter() - before, time.process_time() - used_before
                print(f"{sampler}: opened in {opened_s:.1f} s, {used_s:.1f} s of the processor, at most {OPENED_S:g} s")
                held &= opened_s <= OPENED_S
            wall_s: list[float] = []
            cpu_s: list[float] = []
            telling_s: list[float] = []
            for _ in range(rounds):
                for store, study in zip(stores, studies, strict=True):
                    before, used_before = time.perf_counter(), time.process_time()
                    trial = study.ask()
                    wall_s.append(time.perf_counter() - before)
                    cpu_s.append(time.process_time() - used_before)
                    before = time.perf_counter()
                    _tell(store, study, trial)
                    telling_s.append(time.perf_counter() - before)
            held &= _said(f"an ask at {evaluations:,} trials, {sampler}", wall_s, ASK_S)
            _said("  of the processor", cpu_s, ASK_S)
            _said("  its figures kept and told", telling_s, OVERHEAD_S)
    return held


def _study(store: Store, goal: Goal, sampler: str, seed: int) -> Study:
    known = KnownRecipes()
    chosen = (
        ModelSampler(seed, TABLE, known, OBJECTIVES[goal.objective], goal.least_accuracy)
        if sampler == "model"
        else DistinctSampler(sampler, seed, TABLE, known)
    )
    study = Study(goal, store, open_storage(store), TABLE, known, sampler=chosen)
    study.resume()
    return study


def _tell(store: Store, study: Study, trial: Asked) -> None:
    result = evaluation(made=trial.recipe, latency_ms=3.0, share=0.75)
    store.add_structure(trial.recipe.structure_id, GOAL.bench_id, figures(3.0), "")
    store.add_candidate(result.candidate, GOAL.baseline_id, result.validation)
    study.tell(trial.number, result)


def overhead(served: Server, folder: Path) -> bool:
    """Training and measuring take no time: what is left is the engine's, and the sampler's choice."""
    begun(folder / "first", served.url)
    with writing(folder / "first", served.url) as store:
        study = study_of(store)
        study.resume()
        pipeline = simulated(store, study, 0.0)
        # What the pipeline says at its end is worked out once.
        pipeline._say_idle = lambda *about: None
        pipeline.run(WARM, float("inf"))
        wall_s: list[float] = []
        cpu_s: list[float] = []
        for _ in range(TIMES):
            before, used_before = time.perf_counter(), time.process_time()
            pipeline.run(EACH, float("inf"))
            wall_s.append((time.perf_counter() - before) / EACH)
            cpu_s.append((time.process_time() - used_before) / EACH)
    held = _said(f"a trial of no length, means of {EACH}", wall_s, OVERHEAD_S)
    _said("  of the processor", cpu_s, OVERHEAD_S)
    return held


def one_killed(served: Server, folder: Path) -> bool:
    store = begun(folder / "first", served.url)
    first = Controller(folder / "first", served.url, 10 * TRIALS, TRAINED_S)
    second = Controller(folder / "second", served.url, TRIALS // 2, TRAINED_S)
    try:
        begin_together(first, second)
        until(lambda: finished(store) >= TRIALS // 2)
        first.kill()
        until(lambda: second.process.poll() is not None)
    finally:
        first.kill()
        second.kill()
    third = Controller(folder / "second", served.url, max(TRIALS - finished(store), 0), TRAINED_S)
    third.begin()
    third.ends()
    check(store)
    interrupted = {record.recipe_id for record in store.trials(GOAL.id) if record.state == INTERRUPTED}
    ended = [record.recipe_id for record in store.trials(GOAL.id) if record.state != INTERRUPTED]
    print(
        f"one of two killed: {len(ended)} trials ended, of {len(set(ended))} recipes; {len(interrupted)} were "
        f"interrupted, of which {len(interrupted & set(ended))} were asked for again",
        flush=True,
    )
    return len(ended) == len(set(ended)) >= TRIALS and interrupted <= set(ended)


def stopped(served: Server, folder: Path) -> bool:
    """The server stops once for a moment, and once for a minute."""
    store = begun(folder / "first", served.url)
    controllers = [Controller(folder / name, served.url, TRIALS // 4, TRAINED_S) for name in ("first", "second")]
    try:
        begin_together(*controllers)
        for done, seconds in ((TRIALS // 8, 0.0), (TRIALS // 4, STOPPED_S)):
            until(lambda done=done: finished(store) >= done)
            served.stop()
            time.sleep(seconds)
            served.start()
        for controller in controllers:
            controller.ends()
    finally:
        for controller in controllers:
            controller.kill()
    check(store)
    lost = [record for record in store.trials(GOAL.id) if record.state == INTERRUPTED]
    print(
        f"the server restarted, and stopped for {STOPPED_S:g} s: {finished(store)} trials, {len(lost)} lost", flush=True
    )
    return not lost and finished(store) == 2 * (TRIALS // 4)


def killed_at_random(served: Server, folder: Path) -> bool:
    store, draw = begun(folder / "0", served.url), random.Random(0)
    at = {number: _at_work(folder / str(number), served.url, SHORT_S) for number in range(CONTROLLERS)}
    try:
        for _ in range(KILLS):
            until(lambda: len(at_work(store)) > 1)
            time.sleep(draw.uniform(0.2, 1.0))
            number = draw.randrange(CONTROLLERS)
            at[number].kill()
            at[number] = _at_work(folder / str(number), served.url, SHORT_S)
        running = all(controller.process.poll() is None for controller in at.values())
    finally:
        for controller in at.values():
            controller.kill()
    _ended(store, folder / "0", served.url, f"{KILLS} times one of {CONTROLLERS} killed")
    return running


def stood_still(served: Server, folder: Path) -> bool:
    """A controller stands still: first for less than its lease lasts, and goes on."""
    store = begun(folder / "first", served.url)
    first, second = (_at_work(folder / name, served.url, TRAINED_S) for name in ("first", "second"))
    goes_on = []
    try:
        until(lambda: finished(store) > TRIALS // 20 and len(at_work(store)) == 2)
        for seconds in STOOD_STILL_S:
            first.process.send_signal(signal.SIGSTOP)
            time.sleep(seconds)
            first.process.send_signal(signal.SIGCONT)
            # All of its trials have ended by then.
            time.sleep(10 * TRAINED_S)
            goes_on.append(first.process.poll() is None)
    finally:
        first.kill()
        second.kill()
    _ended(store, folder / "second", served.url, f"one stood still for {STOOD_STILL_S[0]:g} s, then lost its lease")
    return goes_on == [True, False] and "stood still for over 60 s" in first.said


def _at_work(folder: Path, url: str, seconds: float) -> Controller:
    """It begins as soon as it is loaded, and goes on until it is killed."""
    controller = Controller(folder, url, 1_000_000, seconds)
    assert controller.process.stdin is not None
    controller.process.stdin.close()
    return controller


def _ended(store: Store, folder: Path, url: str, what: str) -> None:
    """A last controller ends what was left behind."""
    successor = Controller(folder, url, 1, SHORT_S)
    successor.begin()
    successor.ends()
    check(store)
    states = Counter(record.state for record in store.trials(GOAL.id))
    print(f"{what}: {', '.join(f'{count} {state}' for state, count in states.items())}", flush=True)


def _said(name: str, taken_s: list[float], most_s: float) -> bool:
    median = statistics.median(taken_s)
    print(
        f"{name}: {1e3 * median:.0f} ms ({1e3 * min(taken_s):.0f} to {1e3 * max(taken_s):.0f}, n = {len(taken_s)}), at "
        f"most {1e3 * most_s:g} ms",
        flush=True,
    )
    return median <= most_s
