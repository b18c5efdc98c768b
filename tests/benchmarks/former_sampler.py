"""Former sampler: that of an earlier commit, on the surrogate of today's stored evaluations; a child of `samplers`.

Runs in a working tree of that commit, whose own `tests.benchmarks.samplers` does the search. For each trial it writes a
JSON line: the recipe that was asked for, and its latency. It imports nothing of this version.

    python -P former_sampler.py STORED.csv SEED TRIALS TRAINING_SECONDS
"""

import json
import sys
from pathlib import Path

from tests.benchmarks import samplers

# Seconds that an epoch takes for each million multiply-accumulates of an image.
EPOCH_S = 2.9


class Enough(Exception):
    pass


class Noted(samplers.Surrogate):
    """Says what it is asked."""

    training_s = 0.0
    most_training_s = 0.0

    def latency_s(self, recipe):
        latency_s = super().latency_s(recipe)
        print(json.dumps({"recipe": json.loads(recipe.to_json()), "latency_s": latency_s}), flush=True)
        return latency_s

    def accuracy(self, recipe):
        self.training_s += EPOCH_S * samplers.cost(recipe, recipe.epochs) / 1e6
        if self.training_s > self.most_training_s:
            raise Enough
        return super().accuracy(recipe)


def main() -> None:
    stored, seed, trials, training_s = sys.argv[1:]
    samplers.optuna.logging.set_verbosity(samplers.optuna.logging.WARNING)
    world = Noted(samplers.read(Path(stored)))
    world.most_training_s = float(training_s)
    try:
        samplers.run(world, "model", int(seed), int(trials), EPOCH_S)
    except Enough:
        return


if __name__ == "__main__":
    main()
