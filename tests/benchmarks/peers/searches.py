"""Searches: rows that are runs of `python -m search`, by our sampler and by Optuna's, in one and the same space."""

from functools import partial
from pathlib import Path

from search.settings.keys import MODEL
from search.store.store import Store
from tests.benchmarks.peers import child
from tests.benchmarks.peers.options import Options
from tests.benchmarks.peers.row import Effort, Row
from tests.benchmarks.peers.stopwatch import Stopwatch

_ALSO = (
    "our space, pipeline, trainer and first recipes; proposals are new ones that end in time; a network whose timing "
    "alone shows that it cannot lead is not trained"
)
SAMPLERS = {
    "ours": (MODEL, "as it comes"),
    "random": ("random", _ALSO),
    "tpe": ("tpe", f"TPESampler, 10 startup trials, the line as a constraint; {_ALSO}"),
    "gp": ("gp", f"GPSampler, 10 startup trials, the line as a constraint; {_ALSO}"),
}
# Enough that the time ends a search, and not their number.
_TRIALS = "100000"
# Where less is left of the minutes, an interrupted search is taken to be over.
_LEAST_S = 20.0


def row(name: str) -> Row:
    sampler, settings = SAMPLERS[name]
    return Row(partial(_carried_out, sampler), settings)


def _carried_out(sampler: str, options: Options, folder: Path) -> Effort:
    """The search is confirmed by a command of its own, as every row: `run --confirm` does the same."""
    child.import_baseline(options, folder)
    over = folder / "searched"
    with Stopwatch(folder / "used.json", 60 * options.minutes) as watch:
        if not over.exists() and watch.left_s > _LEAST_S:
            words = ["--sampler", sampler, "--trials", _TRIALS, "--timeout", f"{watch.left_s:.0f}s"]
            child.search([*options.study, *options.data, *words, "--seed", str(options.seed)], folder)
        seconds = watch.seconds
    over.touch()
    store = Store.existing(folder)
    return Effort(seconds, sum(len(store.trials(goal.id)) for goal in store.studies()))
