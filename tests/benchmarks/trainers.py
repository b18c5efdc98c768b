"""Accuracy that small networks reach in equal seconds of training: this trainer against an earlier one.

    python -m tests.benchmarks.trainers DATA_DIR BASELINE EARLIER [--part short|long|half] [--results trainers.jsonl]

DATA_DIR holds cifar-10-batches-py; BASELINE is a checkpoint of MobileNet-v1 with its JSON beside it; EARLIER is a git
worktree of this project at an earlier commit. Every training is a process of its own, from the recipe of a search to
its weights (`space.trained`), with nothing inherited but the baseline's weights.

short: three shapes, three seeds, the two trainers in turns, as many epochs as end within 60 seconds.
long: 32 epochs by the earlier trainer, then as many by this one as end in the same time; accuracy on the test split.
half: five epochs of half of every width by both; how far below the baseline they end on validation.

Counted is all of a training but what is worked out once for a baseline (the teacher's answers), whose seconds are said
apart. Every training is a line in the results file as soon as it is done, and is not done again.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Widths of the stem and of three blocks; each of them halves the image.
SHAPES = ("16/16/48/48", "16/24/96/128", "16/48/96/192")
SEEDS = (0, 1, 2)
SECONDS = 60.0
# Points of validation accuracy that the median over the seeds has to gain.
GAIN = 1.5
LONG_SHAPE, LONG_EPOCHS, LONG_TEST = "16/24/96/128", 32, 0.725
HALF_EPOCHS, HALF_BELOW = 5, 0.005
PROJECT = Path(__file__).parents[2]
TRAINING = Path(__file__).with_name("one_training.py")
# Epochs of the training that shows the pace: the teacher's views are all worked out in it.
_PACE_EPOCHS = 4
# What is planned for, of the seconds; a training that ends later than they do is done again with fewer epochs.
_PLANNED = 0.98
Line = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Trainer:
    name: str
    project: Path

    def train(self, options: argparse.Namespace, shape: str, seed: int, epochs: int) -> Line:
        """What one_training.py prints."""
        store = options.results.resolve().with_suffix(f".{self.name}")
        command = [sys.executable, str(TRAINING), str(options.data_dir.resolve()), str(options.baseline.resolve())]
        done = subprocess.run(
            [*command, str(store), shape, str(seed), str(epochs)],
            cwd=self.project,
            env=os.environ | {"PYTHONPATH": str(self.project)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        answer: Line = json.loads(done.stdout.splitlines()[-1])
        return answer


class Trainings:
    """The trainings of the results file, and new ones."""

    def __init__(self, options: argparse.Namespace) -> None:
        self._options = options
        path: Path = options.results
        lines = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        self._known: dict[str, Line] = {line["training"]: line for line in lines}

    def of(self, trainer: Trainer, shape: str, seed: int, epochs: int) -> Line:
        return self._once(
            f"{shape} seed {seed} {trainer.name}, {epochs} epochs",
            lambda: trainer.train(self._options, shape, seed, epochs),
        )

    def within(self, trainer: Trainer, shape: str, seed: int, seconds: float) -> Line:
        """The longest that ends within the seconds, by the pace of the shape."""
        # No candidate has this seed: its weights are in nobody's way.
        pace = self.of(trainer, shape, 1000, _PACE_EPOCHS)["seconds"] / _PACE_EPOCHS

        def longest() -> Line:
            epochs = max(1, int(_PLANNED * seconds / pace))
            while True:
                training = trainer.train(self._options, shape, seed, epochs)
                if training["seconds"] <= seconds or epochs == 1:
                    return training
                epochs = max(1, min(epochs - 1, int(_PLANNED * epochs * seconds / training["seconds"])))

        return self._once(f"{shape} seed {seed} {trainer.name}, within {seconds:.0f} s", longest)

    def _once(self, name: str, train: Callable[[], Line]) -> Line:
        if name not in self._known:
            self._known[name] = {"training": name, **train()}
            with self._options.results.open("a") as file:
                file.write(json.dumps(self._known[name]) + "\n")
        return self._known[name]


def told(line: Line) -> str:
    return (
        f"{line['training']}: {100 * line['validation']:.2f} % validation, {100 * line['test']:.2f} % test, "
        f"{line['epochs']} epochs in {line['seconds']:.1f} s"
        + (f"; the teacher's answers took {line['teacher_s']:.0f} s" if line["teacher_s"] > 1 else "")
    )


def short(trainings: Trainings, earlier: Trainer, ours: Trainer) -> Iterator[str]:
    for shape in SHAPES:
        gains = []
        for seed in SEEDS:
            lines = [trainings.within(trainer, shape, seed, SECONDS) for trainer in (earlier, ours)]
            yield from map(told, lines)
            gains.append(100 * (lines[1]["validation"] - lines[0]["validation"]))
        yield (
            f"{shape}: {statistics.median(gains):+.2f} points (n {len(gains)}, {min(gains):+.2f} to "
            f"{max(gains):+.2f}), at least {GAIN:+.1f}"
        )


def long(trainings: Trainings, earlier: Trainer, ours: Trainer) -> Iterator[str]:
    before = trainings.of(earlier, LONG_SHAPE, SEEDS[0], LONG_EPOCHS)
    now = trainings.within(ours, LONG_SHAPE, SEEDS[0], before["seconds"])
    yield from map(told, (before, now))
    yield f"{LONG_SHAPE}: {100 * now['test']:.2f} % on test, at least {100 * LONG_TEST:.1f} %"


def half(trainings: Trainings, earlier: Trainer, ours: Trainer) -> Iterator[str]:
    for trainer in (earlier, ours):
        line = trainings.of(trainer, "half", SEEDS[0], HALF_EPOCHS)
        yield told(line)
        below = line["baseline"] - line["validation"]
        yield f"half, {trainer.name}: {100 * below:.2f} points below the baseline, at most {100 * HALF_BELOW:.1f}"


PARTS = {part.__name__: part for part in (short, long, half)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data_dir", type=Path)
    parser.add_argument("baseline", type=Path)
    parser.add_argument("earlier", type=Path)
    parser.add_argument("--part", choices=[*PARTS], action="append", help="all unless one is named")
    parser.add_argument("--results", type=Path, default=Path("trainers.jsonl"))
    options = parser.parse_args()
    trainings = Trainings(options)
    earlier, ours = Trainer("earlier", options.earlier.resolve()), Trainer("ours", PROJECT)
    for name in options.part or PARTS:
        for line in PARTS[name](trainings, earlier, ours):
            print(line, flush=True)


if __name__ == "__main__":
    main()
