"""A study as one looks after many trials: networks of every size, some confirmed, some dirty; nothing was built."""

import math
import random
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

from evaluators.bench import Bench
from evaluators.provenance import Kind, Provenance
from search.store.evaluation import Evaluation
from search.store.goal import Goal
from search.store.reference_fact import reference_fact
from search.store.store import Store
from search.store.trials import COMPLETE
from space.dimension import Integer, Value
from space.dimensions import dimensions, recipe_of
from space.recipe import Recipe
from tests.search.made_up import BENCH, DEVICE, GOAL, UNPRUNED, WIDTHS, evaluation

TABLE = dimensions("full", BENCH.cores)
_FASTER = {"none": 1.0, "dynamic_uint8": 1.3, "static_int8": 0.55}
METERED = Provenance(Kind.MEASURED, "SmartPower2, the whole board")
# This many evaluations are one transaction.
_AT_ONCE = 200
PREDICTED = Provenance(Kind.PREDICTED, "latency x 2.70 W, measured on this bench")


def values(draw: random.Random) -> dict[str, Value]:
    """Units of one network are about equally narrow."""
    chosen: dict[str, Value] = {}
    narrow = draw.uniform(1, 6)
    for dimension in TABLE:
        if not isinstance(dimension, Integer):
            chosen[dimension.name] = draw.choice(dimension.choices)
        elif dimension.name.endswith("_narrowing"):
            chosen[dimension.name] = min(max(round(draw.gauss(narrow, 1.5)), 0), dimension.high)
        else:
            chosen[dimension.name] = draw.randint(dimension.low, dimension.high)
    return chosen


def latency_ms(recipe: Recipe) -> float:
    """Grows with the network, falls with int8 and with threads; epochs and criterion do not matter."""
    size = sum(width * following for width, following in zip(recipe.widths, recipe.widths[1:], strict=False)) / 4e6
    return (0.2 + 8 * size * _FASTER[recipe.quantization]) / recipe.threads**0.6


def share(recipe: Recipe, draw: random.Random) -> float:
    size = sum(recipe.widths) / sum(WIDTHS)
    return 0.90 - 0.28 * math.exp(-9 * size) - 0.03 * max(0, 5 - recipe.epochs) + draw.gauss(0, 0.01)


def trial(draw: random.Random, *, metered: bool = False) -> Evaluation:
    recipe = recipe_of(values(draw))
    right = share(recipe, draw)
    energy = {}
    if metered:
        energy = {"energy_provenance": METERED if draw.random() < 0.4 else PREDICTED}
    return evaluation(
        made=recipe,
        share=right,
        latency_ms=latency_ms(recipe),
        test=right - 0.01 if right > 0.72 and draw.random() < 0.15 else None,
        spread=draw.uniform(0.005, 0.04),
        dirty=("others used 0.4 cores",) if draw.random() < 0.04 else (),
        **energy,
    )


def landscape(
    folder: Path,
    count: int,
    *,
    bench: Bench = BENCH,
    metered: bool = False,
    seed: int = 0,
    storage: str | None = None,
    **goal: object,
) -> tuple[Store, Goal]:
    """A store with a study of so many trials on that bench; the same seed makes the same networks."""
    aim = replace(GOAL, **{"bench_id": bench.id, **goal})
    draw = random.Random(seed)
    folder.mkdir(parents=True, exist_ok=True)
    store = Store.create(folder, storage)
    store.add_bench(bench, DEVICE)
    store.remember(reference_fact(bench.id, aim.baseline_id), UNPRUNED.recipe_id)
    store.use_study(aim)
    evaluations = [trial(draw, metered=metered) for _ in range(count)]
    with at_once(store):
        keep_candidate(store, UNPRUNED, aim)
    for first in range(0, count, _AT_ONCE):
        with at_once(store):
            for number, result in enumerate(evaluations[first : first + _AT_ONCE], first):
                keep_candidate(store, result, aim)
                store.begin_trial(aim.id, number, result.recipe_id)
                store.end_trial(aim.id, number, COMPLETE)
    return store, aim


def keep_candidate(store: Store, result: Evaluation, goal: Goal) -> None:
    recipe = result.candidate.recipe
    store.add_candidate(result.candidate, goal.baseline_id, result.validation)
    store.add_structure(recipe.structure_id, goal.bench_id, result.figures, "")
    if result.confirmation:
        store.add_confirmation(recipe.id, goal.baseline_id, goal.bench_id, result.confirmation, "")


@contextmanager
def at_once(store: Store) -> Iterator[None]:
    """All that the body writes as one transaction: a thousand of them would wait for the disk a thousand times."""
    database = store._database
    if database.shared:
        # One number for all of them, as a server keeps each that one transaction counts through.
        with store.together():
            yield
        return
    with database.transaction() as connection:
        store._database = SimpleNamespace(transaction=lambda: nullcontext(connection), shared=False, outage=None)
        try:
            yield
        finally:
            store._database = database
