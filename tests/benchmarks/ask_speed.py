"""Ask speed: how long a sampler takes for an ask after many trials of a made-up world; a command of `samplers`."""

import random
import statistics
import time
from collections.abc import Sequence
from dataclasses import replace

import optuna
from optuna.trial import create_trial

from search.choosing.sampler import distributions
from search.choosing.settled_recipes import KnownRecipes
from search.choosing.time_left import TimeLeft
from search.choosing.trial_notes import evaluation_attributes
from search.choosing.variation import Variation
from search.scoring.objectives import OBJECTIVES
from space.dimension import Dimension
from space.dimensions import recipe_of
from tests.search.choosing.simulated import MakeSampler, Opening
from tests.search.choosing.worlds import MadeUp
from tests.search.made_up import evaluation

FOM, LINE = OBJECTIVES["fom"], 0.70
_ASKS = 3
# The time left at the beginning of a night's run: everything fits.
_LEFT_S = 1e5


def print_asks(trials: Sequence[int], table: tuple[Dimension, ...], make_sampler: MakeSampler) -> None:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    for count in trials:
        study = _after(count, table, make_sampler)
        seconds = []
        for _ in range(_ASKS):
            begun = time.perf_counter()
            study.ask(distributions(table))
            seconds.append(time.perf_counter() - begun)
        print(f"{count} trials: {statistics.median(seconds):.2f} s an ask (the first {seconds[0]:.2f} s)", flush=True)


def _after(count: int, table: tuple[Dimension, ...], make_sampler: MakeSampler) -> optuna.Study:
    """A study that was told of so many random networks, all of them trained."""
    known, world, variation = KnownRecipes(), MadeUp(), Variation(table, random.Random(0))
    opening = Opening(
        seed=0, table=table, known=known, objective=FOM, least_accuracy=LINE, time_left=TimeLeft(lambda: _LEFT_S)
    )
    study = optuna.create_study(direction=FOM.direction, sampler=make_sampler(opening))
    for _ in range(count):
        values = variation.anew()
        recipe = recipe_of(values)
        known.settle([recipe.id])
        share = world.accuracy(recipe, recipe.epochs)
        judged = evaluation(made=recipe, share=share, latency_ms=1e3 * world.latency_s(recipe))
        seconds = {"train": world.training_s(recipe)}
        judged = replace(judged, candidate=replace(judged.candidate, seconds=seconds, history=world.history(recipe)))
        study.add_trial(
            create_trial(
                value=FOM.score(judged, LINE).value,
                params=values,
                distributions=distributions(table),
                user_attrs=evaluation_attributes(judged, FOM),
                system_attrs={"constraints": [LINE - share]},
            )
        )
    return study
