"""What giving hopeless trainings up saves, and whether it ever stopped the wrong one: histories of real trainings.

    python tests/benchmarks/projection.py recovery.jsonl studies/store [--line 0.7]

A file has a JSON object with `history` (validation accuracy after each epoch) on each line; a store is a folder that
holds `candidates`. Trainings of one epoch, and those that were given up, say nothing here.
"""

import argparse
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from space.candidate import Candidate
from space.training.patience import FALL, SETTLED, Line, projected

# Parts of a training in which moments are counted together.
TENTHS = 10


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment after one epoch of a training whose end is known."""

    share_done: float
    best: float  # validation accuracy so far
    reached: float  # at the end

    @property
    def projected(self) -> float:
        return projected(self.share_done, self.best)

    @property
    def gain(self) -> float:
        """What MOST_GAIN would have to be for the projection to be what was reached."""
        if not 0 < self.best < 1 or self.reached >= 1:
            return 0.0
        return (math.log(1 - self.reached) / math.log(1 - self.best) - 1) / (1 - self.share_done) ** FALL


def histories(path: Path) -> Iterator[tuple[float, ...]]:
    if path.is_dir():
        for manifest in sorted((path / "candidates").glob("*.json")):
            candidate = Candidate.from_json(manifest.read_text(), manifest.parent)
            if candidate.projected is None:
                recipe = candidate.recipe
                # No epoch that rounds as int8 does is given up.
                yield candidate.history[: recipe.epochs]
        return
    for text in path.read_text().splitlines():
        yield tuple(json.loads(text).get("history", ()))


def moments(history: Sequence[float]) -> list[Moment]:
    """The moments at which a training may be given up."""
    epochs = len(history)
    all_moments = [Moment(done / epochs, max(history[:done]), history[-1]) for done in range(1, epochs)]
    return [moment for moment in all_moments if moment.share_done > SETTLED]


def report(trainings: Sequence[Sequence[float]], least: float) -> Iterator[str]:
    line = Line(least)
    every = [moment for history in trainings for moment in moments(history)]
    longest = max(map(len, trainings))
    yield f"{len(trainings)} trainings of 2 to {longest} epochs, {len(every)} moments at which one may be given up"
    yield "share done   moments   projected - reached, points: least, median   most gain   projection below"
    for tenth in range(TENTHS):
        within = [moment for moment in every if tenth <= TENTHS * moment.share_done < tenth + 1]
        if within:
            above = sorted(100 * (moment.projected - moment.reached) for moment in within)
            below = sum(points < 0 for points in above)
            yield (
                f"{tenth / TENTHS:.1f} to {(tenth + 1) / TENTHS:.1f} {len(within):9} {above[0]:35.1f} "
                f"{above[len(above) // 2]:7.1f} {max(moment.gain for moment in within):11.2f} {below:18}"
            )
    stopped = {
        place: next((round(moment.share_done * len(history)) for moment in moments(history)
                     if line(moment.share_done, moment.best)), len(history))
        for place, history in enumerate(trainings)
    }  # fmt: skip
    early = [place for place, done in stopped.items() if done < len(trainings[place])]
    wrong = [trainings[place] for place in early if trainings[place][-1] >= least]
    hopeless = [place for place, history in enumerate(trainings) if history[-1] < least]
    spent, whole = (sum(epochs[place] for place in hopeless) for epochs in (stopped, list(map(len, trainings))))
    yield f"line {100 * least:g} %: {len(wrong)} stopped that would have reached it, of {len(early)} stopped; must be 0"
    yield from (f"  {history}" for history in wrong)
    if hopeless:
        yield (
            f"{len(hopeless)} stayed below it: {whole - spent} of their {whole} epochs saved "
            f"({(whole - spent) / whole:.0%}), of all epochs {(whole - spent) / sum(map(len, trainings)):.0%}"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sources", type=Path, nargs="+", metavar="FILE_OR_STORE")
    parser.add_argument("--line", type=float, default=0.7)
    options = parser.parse_args()
    # A store may hold one training under several runtime settings, and stores may share some.
    distinct = dict.fromkeys(history for source in options.sources for history in histories(source))
    trainings = [history for history in distinct if len(history) > 1]
    if not trainings:
        parser.error("no training of two epochs or more is in there")
    for text in report(trainings, options.line):
        print(text)


if __name__ == "__main__":
    main()
