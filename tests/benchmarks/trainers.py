"""Validation accuracy that small networks reach in equal seconds of training: this trainer against an earlier one.

    python -m tests.benchmarks.trainers DATA_DIR BASELINE EARLIER [--seconds 60] [--results trainers.jsonl]

DATA_DIR holds cifar-10-batches-py; BASELINE is a checkpoint of MobileNet-v1 with its JSON beside it; EARLIER is a git
worktree of this project at an earlier commit. Every training is a process of its own, the two trainers in turns, from
the recipe of a search to its weights (`space.trained`), with nothing inherited but the baseline's weights. Its epochs
are as many as end within the seconds, by the pace of a short training before. Counted is all of the training but what
is worked out once for a baseline (the teacher's answers), whose seconds are said apart.

Every training is a line in the results file as soon as it is done, and is not done again.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Widths of the stem and of three blocks; each of them halves the image.
SHAPES = ((16, 16, 48, 48), (16, 24, 96, 128), (16, 48, 96, 192))
SEEDS = (0, 1, 2)
# Points of validation accuracy that the median over the seeds has to gain.
BAR = 1.5
PROJECT = Path(__file__).parents[2]
TRAINING = Path(__file__).with_name("one_training.py")
# Epochs of the training that shows the pace: the teacher's views are all worked out in it.
_PACE_EPOCHS = 4
# A training that ends later than this, of the seconds, is done again with fewer epochs.
_OVERTIME = 1.01


@dataclass(frozen=True, slots=True)
class Trainer:
    name: str
    project: Path

    def train(self, options: argparse.Namespace, shape: tuple[int, ...], seed: int, epochs: int) -> dict[str, Any]:
        """What one_training.py prints."""
        store = options.results.resolve().with_suffix(f".{self.name}")
        command = [sys.executable, str(TRAINING), str(options.data_dir), str(options.baseline), str(store)]
        shape_text = "/".join(map(str, shape))
        done = subprocess.run(
            [*command, shape_text, str(seed), str(epochs)],
            cwd=self.project,
            env=os.environ | {"PYTHONPATH": str(self.project)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        answer: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
        return {"trainer": self.name, "shape": shape_text, "seed": seed, **answer}


def trained(trainer: Trainer, options: argparse.Namespace, shape: tuple[int, ...], seed: int) -> dict[str, Any]:
    """The longest training of those tried that ends within the seconds."""
    # No candidate has this seed: its weights are in nobody's way.
    pace = trainer.train(options, shape, seed + 1000, _PACE_EPOCHS)
    epochs = max(1, int(options.seconds / (pace["seconds"] / _PACE_EPOCHS)))
    while True:
        training = trainer.train(options, shape, seed, epochs)
        if training["seconds"] <= _OVERTIME * options.seconds or epochs == 1:
            return training
        epochs = max(1, min(epochs - 1, int(epochs * options.seconds / training["seconds"])))


def report(options: argparse.Namespace) -> Iterator[str]:
    trainers = Trainer("earlier", options.earlier.resolve()), Trainer("ours", PROJECT)
    lines = [json.loads(line) for line in options.results.read_text().splitlines()] if options.results.exists() else []
    known = {(line["trainer"], line["shape"], line["seed"]): line for line in lines}
    for shape in SHAPES:
        title = "/".join(map(str, shape))
        gains = []
        for seed in SEEDS:
            for trainer in trainers:
                key = trainer.name, title, seed
                if key not in known:
                    known[key] = trained(trainer, options, shape, seed)
                    with options.results.open("a") as file:
                        file.write(json.dumps(known[key]) + "\n")
                line = known[key]
                yield (
                    f"{title} seed {seed} {trainer.name:7} {100 * line['validation']:.2f} % validation, "
                    f"{line['epochs']} epochs in {line['seconds']:.1f} s"
                    + (f"; the teacher's answers took {line['teacher_s']:.0f} s" if line["teacher_s"] > 1 else "")
                )
            gains.append(100 * (known["ours", title, seed]["validation"] - known["earlier", title, seed]["validation"]))
        yield (
            f"{title}: {statistics.median(gains):+.2f} points (n {len(gains)}, {min(gains):+.2f} to "
            f"{max(gains):+.2f}), at least {BAR:+.1f}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("baseline", type=Path)
    parser.add_argument("earlier", type=Path)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--results", type=Path, default=Path("trainers.jsonl"))
    for line in report(parser.parse_args()):
        print(line, flush=True)


if __name__ == "__main__":
    main()
