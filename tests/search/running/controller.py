"""A controller of a study on a server, in a process of its own; training and measuring are simulated by sleep.

python -m tests.search.running.controller FOLDER URL TRIALS SECONDS [SAMPLER]

It says READY once it is about to begin, and begins when its standard input ends: on a busy machine one of two that
are started at once may be done before the other is loaded.
"""

import math
import sys
import time
from pathlib import Path

from search.choosing.model_sampler import ModelSampler
from search.choosing.optuna_samplers import DistinctSampler
from search.choosing.optuna_storage import open_storage
from search.choosing.settled_recipes import KnownRecipes
from search.choosing.study import Study
from search.running.pipeline import Pipeline
from search.scoring.objectives import OBJECTIVES
from search.store.reference_fact import reference_fact
from search.store.store import Store
from search.store.writing import writing
from tests import shapes
from tests.search.made_up import BENCH, DEVICE, GOAL, UNPRUNED, keep
from tests.search.running.test_pipeline import TABLE, Board, Trainer, workplace

BUILDERS = 2
READY = "ready"


def with_baseline(store: Store) -> None:
    """The bench and its reference, as whoever comes first measures them."""
    store.add_bench(BENCH, DEVICE)
    keep(store, UNPRUNED)
    store.remember(reference_fact(BENCH.id, GOAL.baseline_id), UNPRUNED.recipe_id)


def _say(text: str) -> None:
    print(text, flush=True)


def study_of(store: Store, sampler: str = "random", seed: int = 0, trials: int = 0) -> Study:
    known = KnownRecipes()
    chosen = (
        ModelSampler(seed, TABLE, known, OBJECTIVES[GOAL.objective], GOAL.least_accuracy)
        if sampler == "model"
        else DistinctSampler(sampler, seed, TABLE, known)
    )
    # All controllers begin with the same networks.
    return Study(GOAL, store, open_storage(store), TABLE, known, sampler=chosen, first=shapes.values(TABLE), say=_say)


def simulated(store: Store, study: Study, seconds: float) -> Pipeline:
    """Half of the structures are fast, and no two take the same."""
    trainer = Trainer(seconds, lambda recipe: 0.72 + 0.1 * sum(recipe.widths) / 8000, builders=BUILDERS)
    board = Board(seconds / 4, lambda count: 0.0, False)
    board.latency_of = lambda name: 0.5 + int(name[:4], 16) / 2**16
    work = workplace(store, board, trainer)
    work.baseline = type("Baseline", (), {"id": GOAL.baseline_id})
    return Pipeline([study], work)


def main() -> None:
    folder, url, trials, seconds, *sampler = sys.argv[1:]
    with writing(Path(folder), url) as store:
        study = study_of(store, *sampler)
        for line in study.resume():
            _say(line)
        _say(READY)
        sys.stdin.read()
        begun = time.monotonic()
        ended = simulated(store, study, float(seconds)).run(int(trials), math.inf)
        _say(f"ended {ended} in {time.monotonic() - begun:.1f} s")


if __name__ == "__main__":
    main()
