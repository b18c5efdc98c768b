"""With a separate board: for how much of a run the slower of trainer and board is busy, and what an ask takes.

    python -m tests.benchmarks.idle --trials 40

Trainer and board are simulated by the time they take; the search, its sampler and both databases are real. Exit
status 1 if the slower of the two is busy for less than 80 % of a run.
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

from search.building.tasks import Built
from space.recipe import Recipe
from tests.search.choosing.test_model_sampler import accuracy
from tests.search.made_up import evaluation
from tests.search.running.test_pipeline import Board, Trainer, pipeline

# Seconds of an epoch and of a measurement.
COSTS = ((0.1, 4.0), (0.4, 1.0))
# So much of a run the slower of the two is at work, on a quiet machine.
LEAST_BUSY = 0.8


class EpochTrainer(Trainer):
    """Longer trainings take longer."""

    def _train(self, recipe: Recipe) -> Built:
        time.sleep(self._seconds * recipe.epochs)
        result = evaluation(made=recipe, share=self._share(recipe))
        return Built(result.candidate, result.validation)


def main() -> int:
    missed = 0
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--trials", type=int, default=40)
    chosen = options.parse_args()
    for epoch_s, measuring_s in COSTS:
        with tempfile.TemporaryDirectory() as folder:
            trainer = EpochTrainer(epoch_s, accuracy)
            # The first recipe leads; what follows is a little slower and could still win.
            board = Board(measuring_s, lambda count: 0.05 + 1e-5 * count, here=False)
            line, _ = pipeline(Path(folder) / "store", trainer, board, sampler="model")
            begun = time.monotonic()
            trials = line.run(chosen.trials, begun + 3600)
            seconds = time.monotonic() - begun
        busy = {"trainer": line.work.training.seconds / seconds, "board": line.work.measuring.seconds / seconds}
        missed += max(busy.values()) < LEAST_BUSY
        print(f"an epoch {epoch_s} s, measuring {measuring_s} s, {trials} trials, {seconds:.0f} s: "
              f"trainer busy {100 * busy['trainer']:.1f} %, board {100 * busy['board']:.1f} %, "
              f"{1e3 * line.asking.seconds / trials:.0f} ms an ask", flush=True)  # fmt: skip
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
