"""What a writer pays for a store of ten thousand evaluations: the standings after each new one, one evaluation, memory.

    python -m tests.benchmarks.scale [database [PART ...]] [--evaluations 10000] [--rounds 20] [--results FILE]

`database`: on PostgreSQL, with several controllers (tests/benchmarks/database.py).

Prints medians and ranges of processor time, and how much memory the rounds took in all. The bars: 0.1 s for the
standings after something new was kept, 5 ms for one evaluation, and memory that stays flat. Reading the store for the
first time has no bar.
"""

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

# Set as the command does before numpy is loaded: threads take an ask twice as long, and three times its processor time.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from evaluators.device.program.system import read_text
from search.results.standings import standings
from search.store.store import Store
from search.store.trials import COMPLETE
from tests.search.landscape import landscape
from tests.search.made_up import evaluation, figures, recipe

STANDINGS_S, EVALUATION_S = 0.1, 5e-3
# What the rounds themselves keep is less; a copy of the pool would be far more.
MOST_BYTES = 10e6


def timed(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


def resident_bytes() -> float:
    status = dict(line.split(":", 1) for line in (read_text("/proc/self/status") or "").splitlines())
    return 1024 * float(status["VmRSS"].split()[0])


def told(name: str, taken_s: list[float], most_s: float) -> bool:
    median = statistics.median(taken_s)
    print(
        f"{name}: {1e3 * median:.1f} ms ({1e3 * min(taken_s):.1f} to {1e3 * max(taken_s):.1f}, "
        f"n = {len(taken_s)}), at most {1e3 * most_s:g} ms"
    )
    return median <= most_s


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", nargs="?", choices=["store", "database"], default="store")
    parser.add_argument("of", nargs="*", metavar="PART", help="of database: asks, overhead, one_killed, stopped, ...")
    parser.add_argument("--results", type=Path, help="of database: where the parts that are done are noted")
    parser.add_argument("--evaluations", type=int, default=10_000)
    parser.add_argument("--rounds", type=int, default=20)
    options = parser.parse_args()
    if options.part == "database":
        from tests.benchmarks.database import measured

        return measured(options.evaluations, options.rounds, options.of, options.results)
    with TemporaryDirectory() as folder:
        _, goal = landscape(Path(folder), options.evaluations)
        store = Store.existing(Path(folder))
        print(f"read for the first time: {timed(lambda: standings(store, goal)):.2f} s")
        ids = list(store.evaluations(goal.baseline_id, goal.bench_id))
        ranked, fetched = [], []
        before = 0.0
        for round in range(2 * options.rounds):
            if round == options.rounds:
                # The first half fills what is kept once, as the ids of the new rows' networks.
                before = resident_bytes()
            new = evaluation(made=recipe(seed=1_000_000 + round), latency_ms=5.0 + round, share=0.72)
            store.begin_trial(goal.id, options.evaluations + round, new.recipe_id)
            store.add_candidate(new.candidate, goal.baseline_id, new.validation)
            structure_id = new.candidate.recipe.structure_id
            store.add_structure(structure_id, goal.bench_id, figures(5.0 + round), "")
            store.end_trial(goal.id, options.evaluations + round, COMPLETE)
            ranked.append(timed(lambda: standings(store, goal)))
            fetched.append(timed(lambda round=round: store.evaluation(ids[round * 7 % len(ids)], goal)))
        grown = resident_bytes() - before
    held = told("standings after a new evaluation", ranked, STANDINGS_S)
    held &= told("one evaluation", fetched, EVALUATION_S)
    print(f"memory over {options.rounds} rounds: {grown / 1e6:+.1f} MB, at most {MOST_BYTES / 1e6:g} MB")
    return 0 if held and grown <= MOST_BYTES else 1


if __name__ == "__main__":
    sys.exit(main())
