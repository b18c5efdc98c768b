"""With a separate board: for how much of a run the slower of trainer and board is busy, and what an ask takes.

    python -m tests.benchmarks.idle --trials 40

Trainer and board are simulated by the time they take; the search, its sampler and both databases are real.
"""

import argparse
import tempfile
import time
from pathlib import Path

from tests.search.test_model_sampler import accuracy
from tests.search.test_pipeline import Board, Trainer, pipeline

# Seconds of a training and of a measurement.
COSTS = ((1.5, 3.0), (3.0, 1.5))


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--trials", type=int, default=40)
    chosen = options.parse_args()
    for training_s, measuring_s in COSTS:
        with tempfile.TemporaryDirectory() as folder:
            trainer = Trainer(training_s, accuracy)
            # The ladder's first leads; what follows is a little slower and could still win.
            board = Board(measuring_s, lambda count: 0.05 + 1e-5 * count, here=False)
            made, _ = pipeline(Path(folder) / "store", trainer, board, sampler="model")
            begun = time.monotonic()
            trials = made.run(chosen.trials, begun + 3600)
            seconds = time.monotonic() - begun
        busy = {"trainer": made.training.seconds / seconds, "board": made.measuring.seconds / seconds}
        print(f"training {training_s} s, measuring {measuring_s} s, {trials} trials ({len(trainer.trained)} trained), "
              f"{seconds:.0f} s: trainer busy {100 * busy['trainer']:.1f} %, board {100 * busy['board']:.1f} %, "
              f"{1e3 * made.asking.seconds / trials:.0f} ms an ask", flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
