"""In turn: no search. Each network of a list is trained by the longest schedule that fits its share of the minutes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from search.choosing.first_recipes import front
from search.choosing.latency_model import LatencyModel, Timing
from search.running.first_look import known_timings
from space.dimension import Dimension
from space.dimensions import recipe_of
from space.formats.quantizations import NONE
from space.recipe import Recipe
from tests.benchmarks.peers import child
from tests.benchmarks.peers.judging import Judging, open_judging
from tests.benchmarks.peers.ladder import SHAPES
from tests.benchmarks.peers.options import Options
from tests.benchmarks.peers.row import Effort, Row
from tests.benchmarks.peers.stopwatch import Stopwatch

Listed = Callable[[Judging], Iterable[Recipe]]
_SETTINGS = (
    "each network is given the time left over the number of networks left, and our trainer; in fp32 and static int8, "
    "every runtime"
)


def first(judging: Judging) -> Iterable[Recipe]:
    """The front that our search begins with, by what the store knows of the device."""
    bench_id, image = judging.rig.bench.id, judging.prepared.data.shape
    return on_the_front(judging.table, known_timings(judging.store, judging.baseline, bench_id, image))


def on_the_front(table: Sequence[Dimension], timings: Sequence[Timing]) -> list[Recipe]:
    return [recipe_of(values) for values in front(table, LatencyModel.fitted(timings))]


def ladder(judging: Judging) -> Iterable[Recipe]:
    return [replace(judging.usual, widths=widths, halvings=halvings) for widths, halvings in SHAPES]


def row(listed: Listed) -> Row:
    return Row(partial(_carried_out, listed), _SETTINGS)


def networks(recipes: Iterable[Recipe]) -> list[Recipe]:
    """Each network once: how long it is trained, in which numbers and by what it is run is decided here."""
    plain = {"epochs": 0, "aware_epochs": 0, "quantization": NONE, "equalized": False, "seed": 0}
    alike = (replace(recipe.network, **plain) for recipe in recipes)
    return list(dict.fromkeys(alike))


def _carried_out(listed: Listed, options: Options, folder: Path) -> Effort:
    child.import_baseline(options, folder)
    with (
        Stopwatch(folder / "used.json", 60 * options.minutes) as watch,
        open_judging(options, folder, watch) as judging,
    ):
        recipes = [replace(recipe, seed=options.seed) for recipe in networks(listed(judging))]
        for number, recipe in enumerate(recipes):
            _train(judging, number, recipe, len(recipes) - number)
        return Effort(watch.seconds, sum("validation" in entry for entry in judging.journal.entries))


def _train(judging: Judging, number: int, recipe: Recipe, remaining: int) -> None:
    """What an interrupted run began is trained for as long as was planned then."""
    entry = judging.journal.entry(number)
    if "validation" in entry or "skipped" in entry:
        return
    trained = Recipe.from_values(entry["recipe"]) if "recipe" in entry else judging.longest(recipe, remaining)
    if trained is None:
        judging.journal.note(number, skipped="one epoch does not end in the time left")
        return
    judging.journal.note(number, recipe=trained.as_dict())
    judging.journal.note(number, validation=judging.judge(number, trained))
