"""Search efficiency without training: whole searches on a surrogate of stored real evaluations, in simulated time.

    python -m tests.benchmarks.samplers collect STORE... gathered.jsonl
    python -m tests.benchmarks.samplers error
    python -m tests.benchmarks.samplers run --sampler model --sampler tpe --sampler no-search --minutes 27 --seeds 20
    python -m tests.benchmarks.samplers run --sampler former --former WORKING_TREE
    python -m tests.benchmarks.samplers known
    python -m tests.benchmarks.samplers table --ours model
    python -m tests.benchmarks.samplers ask --trials 1000 --trials 10000

Every search has the same minutes of training, however many trials that is; timings cost none of them, and are counted.
All are told what the pipeline would tell: what could not lead is gated, what cannot reach the line is given up. Our own
begins with a look at the device; those of Optuna, which have no use for one, with the first recipes. `no-search` trains
these for the longest schedule, in turn. `former` is the sampler of an earlier commit, in
a working tree of it, on the same surrogate: what it asked for is judged as all others are. `run` adds a line for each
search to its results, and leaves out those that are there. Regret is how far, in log10 of the FoM, the best network
that holds the line lies below the best that any search found, or that `known` names.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
from optuna.distributions import BaseDistribution
from optuna.study import Study
from optuna.trial import FrozenTrial

from search.choosing.first_recipes import first_values
from search.choosing.optuna_samplers import SAMPLERS, DistinctSampler
from search.choosing.sampler import Sampler, SpaceExhausted, distributions
from search.scoring.objectives import OBJECTIVES
from space.dimension import Value
from space.dimensions import MOST_EPOCHS, dimensions, values_of
from space.recipe import Recipe
from space.training.speed import USUAL_TRAININGS
from tests.benchmarks.ask_speed import print_asks
from tests.benchmarks.surrogate import STORED, Recorded, collect, held_out_error, read, recorded
from tests.search.choosing import worlds
from tests.search.choosing.simulated import Course, MakeSampler, Opening, looked, model_sampler, searched

CORES, LEAST = 2, 0.7065
FOM = OBJECTIVES["fom"]
TABLE = dimensions("full", CORES)
MODEL, NO_SEARCH, FORMER = "model", "no-search", "former"
# A result within this factor of the best known is where that was to be found.
CLOSE = 1.05
# Trials of a search that does not train: one that asks for nothing that could lead.
MOST_TRIALS = 300
# The former sampler's own search gives no training up, and may need so much more of it.
_SLACK = 1.5


class OnlyFirst(Sampler):
    """Asks for nothing of its own."""

    def infer_relative_search_space(self, study: Study, trial: FrozenTrial) -> dict[str, BaseDistribution]:
        return distributions(TABLE)

    def sample_relative(
        self, study: Study, trial: FrozenTrial, search_space: dict[str, BaseDistribution]
    ) -> dict[str, Any]:
        raise SpaceExhausted("the first recipes are all there is")


def optuna_sampler(name: str, opening: Opening) -> Sampler:
    return DistinctSampler(name, opening.seed, opening.table, opening.known, opening.time_left)


def _only_first(opening: Opening) -> Sampler:
    return OnlyFirst()


def _maker(name: str) -> MakeSampler:
    if name == MODEL:
        return model_sampler
    return partial(optuna_sampler, name) if name in SAMPLERS else _only_first


@dataclass(frozen=True, kw_only=True)
class Budget:
    minutes: float
    trials: int
    former: Path | None


@cache
def _first() -> Sequence[Mapping[str, Value]]:
    """What a search with a sampler of Optuna's begins with on a device of which nothing is known."""
    return first_values(TABLE, USUAL_TRAININGS.images)


def first_of(world: Recorded, name: str, seed: int, budget: Budget) -> Sequence[Mapping[str, Value]]:
    """What a search asks for before its sampler is asked."""
    if name == NO_SEARCH:
        return [{**values, "epochs": MOST_EPOCHS} for values in _first()]
    if name == FORMER:
        asked = [values_of(recipe, TABLE) for recipe in _asked_by_former(world, seed, budget)]
        if None in asked:
            raise SystemExit(f"{budget.former} asked for a recipe that today's full space has not")
        return [values for values in asked if values is not None]
    return () if name == MODEL else _first()


def _asked_by_former(world: Recorded, seed: int, budget: Budget) -> list[Recipe]:
    if budget.former is None:
        raise SystemExit("--sampler former needs --former, a working tree of the earlier commit (git worktree add)")
    script = Path(__file__).parent / "former_sampler.py"
    words = [str(STORED), str(seed), str(budget.trials), str(_SLACK * 60 * budget.minutes)]
    # Without -P the folder of the script, and with it this version, would come before the working tree's.
    child = subprocess.run(
        [sys.executable, "-P", str(script), *words],
        cwd=budget.former,
        env=os.environ | {"PYTHONPATH": str(budget.former.resolve())},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    recipes = []
    for line in map(json.loads, child.stdout.splitlines()):
        recipes.append(Recipe.from_values(line["recipe"]))
        ours, theirs = world.exact_latency_s(recipes[-1]), line["latency_s"]
        if abs(theirs / ours - 1) > 1e-6:
            raise SystemExit(f"another surrogate in {budget.former}: {theirs} s there, {ours} s here, {recipes[-1]}")
    return recipes


def run(world: Recorded, name: str, seed: int, budget: Budget) -> Course:
    return searched(
        world,
        _maker(name),
        TABLE,
        FOM,
        LEAST,
        trials=budget.trials,
        training_minutes=budget.minutes,
        seed=seed,
        first=first_of(world, name, seed, budget),
        timings=looked(world, TABLE) if name == MODEL else (),
    )


def _line_of(name: str, label: str, seed: int, budget: Budget, course: Course) -> dict[str, object]:
    return {
        "sampler": label,
        "seed": seed,
        "minutes": budget.minutes,
        # What the former sampler asks for is read from a list.
        "ask_s": None if name == FORMER else course.ask_s / max(len(course.steps), 1),
        "ended": course.ended,
        "leader": course.leader.as_dict() if course.leader else None,
        # Structures timed, seconds of training, and log10 of the best FoM so far, after each trial.
        "course": [[step.timings, round(step.training_s, 1), step.best] for step in course.steps],
    }


def run_all(names: Sequence[str], label: str | None, seeds: int, budget: Budget, results: Path) -> None:
    lines = results.read_text().splitlines() if results.exists() else []
    done = {(line["sampler"], line["seed"], line["minutes"]) for line in map(json.loads, lines)}
    world = recorded(read())
    for seed in range(seeds):
        for name in names:
            shown = label or name
            if (shown, seed, budget.minutes) in done:
                continue
            course = run(world, name, seed, budget)
            with results.open("a") as file:
                file.write(json.dumps(_line_of(name, shown, seed, budget, course)) + "\n")
            print(shown, seed, course.best, f"{len(course.steps)} trials, {course.ended}", flush=True)


@dataclass(frozen=True)
class Result:
    """One line of the results."""

    sampler: str
    # Log10 of the best FoM; of the first recipes' order of magnitude where nothing held the line.
    best: float | None
    trials: int
    timings: int
    # Timings until the best was close to the best known, however much training that took; None where it never was.
    timings_until: int | None
    # The timings of the whole search.
    all_timings: int
    training_s: float
    ask_s: float | None


def _results(path: Path, minutes: float, best_known: float) -> tuple[list[Result], float]:
    """Results at so many minutes of training, of searches that had as many or more; and the best that is known."""
    lines = [line for line in map(json.loads, path.read_text().splitlines()) if line["minutes"] >= minutes]
    within = [(line, [step for step in line["course"] if step[1] <= 60 * minutes]) for line in lines]
    highest = max(best_known, *(line["course"][-1][2] or 0.0 for line in lines if line["course"]))
    near = highest - np.log10(CLOSE)
    results = []
    for line, course in within:
        timings, training_s, best = course[-1] if course else (0, 0.0, None)
        until = next((step[0] for step in line["course"] if step[2] is not None and step[2] >= near), None)
        all_timings = line["course"][-1][0] if line["course"] else 0
        results.append(
            Result(line["sampler"], best, len(course), timings, until, all_timings, training_s, line["ask_s"])
        )
    return results, highest


def table(path: Path, minutes: Sequence[float], ours: str, best_known: float) -> None:
    for limit in minutes:
        results, highest = _results(path, limit, best_known)
        worst = min(result.best for result in results if result.best is not None)
        print(f"{limit:g} minutes of training; the best FoM known, log10: {highest:.3f}")
        regrets: dict[str, list[float]] = {}
        for name in dict.fromkeys(result.sampler for result in results):
            rows = [result for result in results if result.sampler == name]
            # What holds no line is no better than the worst that does.
            regrets[name] = [highest - (row.best if row.best is not None else worst) for row in rows]
            print(_row(name, rows, regrets[name]))
        for name, theirs in regrets.items():
            if name != ours and ours in regrets:
                low, high = interval(theirs, regrets[ours])
                print(f"  {name} minus {ours}: {low:+.3f} to {high:+.3f} (bootstrap, 90 %)")


def _row(name: str, rows: Sequence[Result], regret: Sequence[float]) -> str:
    close = [row.timings_until for row in rows if row.timings_until is not None]
    # What never came close needed more timings than it made.
    trials, timings, training_s = (
        statistics.fmean(figures)
        for figures in zip(*((row.trials, row.timings, row.training_s) for row in rows), strict=True)
    )
    asks = [row.ask_s for row in rows if row.ask_s is not None]
    until = statistics.median(row.timings_until if row.timings_until is not None else row.all_timings for row in rows)
    return (
        f"{name}: regret {statistics.fmean(regret):.3f} (median {statistics.median(regret):.3f}, {len(rows)} seeds, "
        f"{sum(row.best is None for row in rows)} without a network that holds the line); within "
        f"{100 * (CLOSE - 1):.0f} % of the best known after {'' if len(close) > len(rows) / 2 else 'more than '}"
        f"{until:.0f} timings (median; {len(close)} of {len(rows)} came so close); "
        f"{trials:.0f} trials, {timings:.0f} timings and {training_s / 60:.0f} min of training"
        + (f", {statistics.fmean(asks):.2f} s an ask" if asks else "")
    )


def interval(theirs: Sequence[float], ours: Sequence[float]) -> tuple[float, float]:
    """The 90 % interval of the difference of the means."""
    draw = np.random.default_rng(0)
    apart = [
        draw.choice(theirs, len(theirs)).mean() - draw.choice(ours, len(ours)).mean() for _ in range(5000)
    ]  # fmt: skip
    low, high = np.quantile(apart, [0.05, 0.95])
    return float(low), float(high)


def known() -> None:
    """What a long direct search of the surrogate finds, which asks it thousands of times."""
    best = worlds.best_known(recorded(read()), TABLE, FOM, LEAST)
    print(f"log10 of the best FoM {best.value:.3f}: {best.recipe.to_json()}" if best else "nothing holds the line")


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("what", choices=("collect", "error", "known", "run", "table", "ask"))
    options.add_argument("stores", type=Path, nargs="*")
    options.add_argument("--to", type=Path, default=STORED)
    options.add_argument("--sampler", action="append", choices=(MODEL, *SAMPLERS, NO_SEARCH, FORMER))
    options.add_argument("--label", help="the name in the results, where it is not the sampler's")
    options.add_argument("--minutes", type=float, action="append", help="of training; 27")
    options.add_argument("--trials", type=int, action="append", help=f"at most, {MOST_TRIALS}; or of `ask`")
    options.add_argument("--seeds", type=int, default=20)
    options.add_argument("--former", type=Path, help="a working tree of the earlier commit")
    options.add_argument("--ours", default=MODEL, help="the sampler that others are compared with")
    options.add_argument("--best", type=float, default=0.0, help="log10 of a FoM that no search found; see `known`")
    options.add_argument("--results", type=Path, default=Path("samplers.jsonl"))
    chosen = options.parse_args()
    minutes = chosen.minutes or [27.0]
    if chosen.what == "collect":
        collect(chosen.stores, chosen.to)
    elif chosen.what == "error":
        print(held_out_error(read()))
    elif chosen.what == "known":
        known()
    elif chosen.what == "table":
        table(chosen.results, minutes, chosen.ours, chosen.best)
    elif chosen.what == "ask":
        print_asks(chosen.trials or [1000, 10_000], TABLE, model_sampler)
    else:
        budget = Budget(minutes=max(minutes), trials=(chosen.trials or [MOST_TRIALS])[0], former=chosen.former)
        names = chosen.sampler or [MODEL, "tpe", "random", "gp", NO_SEARCH]
        run_all(names, chosen.label, chosen.seeds, budget, chosen.results)


if __name__ == "__main__":
    main()
