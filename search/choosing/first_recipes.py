"""First recipes: shapes on the latency model's front, from the fastest networks to the most capable; they are asked for
before a sampler has learned anything."""

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

import numpy as np

from search.choosing.error_model import points, prior
from search.choosing.gaussian_process import Floats, Trend
from search.choosing.latency_model import LatencyModel
from search.choosing.options import rungs
from search.choosing.variation import Variation
from space.dimension import Dimension, Value
from space.dimensions import recipe_of
from space.networks.choose import network_of
from space.networks.network import unpruned
from space.recipe import Recipe

Values = dict[str, Value]

# Budgets of latency, in equal ratios from the fastest network to the unpruned one.
COUNT = 8
# The front is found by an evolution: so many points at random, then so many changes of the best in each generation.
# Six thousand shapes are scored in a second or two.
_ANEW, _CHANGED, _GENERATIONS = 1000, 500, 10
# These do for whoever wants to know only about what first recipes will cost.
_FEW_ANEW, _FEW_CHANGED, _FEW_GENERATIONS = 200, 100, 5
# The evolution keeps the best of this many finer budgets for each budget of the front, so that none is lost to its
# neighbours meanwhile.
_FINER = 3


def front(
    table: Sequence[Dimension],
    latencies: LatencyModel,
    trend: Trend | None = None,
    count: int = COUNT,
    *,
    roughly: bool = False,
) -> list[Values]:
    """For each budget of latency the network that is expected to be the most accurate, the fastest first. All that is
    known of accuracy is the prior, or what other studies taught: more of anything does not hurt."""
    # The look and the table decide, and no seed of the study: studies of one device begin alike.
    draw = random.Random(0)
    variation = Variation(table, draw)
    epochs = rungs(table)[-1]
    anew, changed, generations = (
        (_FEW_ANEW, _FEW_CHANGED, _FEW_GENERATIONS) if roughly else (_ANEW, _CHANGED, _GENERATIONS)
    )
    networks: list[Values] = [variation.anew() for _ in range(anew)]
    for _ in range(generations):
        networks = _best_of_budgets(networks, latencies, trend or prior(), _FINER * count, epochs)
        networks += [variation.near(draw.choice(networks)) for _ in range(changed)]
    return _best_of_budgets(networks, latencies, trend or prior(), count, epochs)


def first_values(table: Sequence[Dimension], images: int, latencies: LatencyModel | None = None) -> list[Values]:
    """First values for a sampler that has no model of its own: the front, each trained for a while on so many images,
    the middle of it first."""
    steps = rungs(table, images)
    epochs = steps[1 if len(steps) > 1 else 0]
    shapes = front(table, latencies or LatencyModel.fitted(()))
    inwards = sorted(range(len(shapes)), key=lambda place: abs(2 * place - len(shapes) + 1))
    return [{**shapes[place], "epochs": epochs} for place in inwards]


def _best_of_budgets(
    values: Sequence[Mapping[str, Value]], latencies: LatencyModel, trend: Trend, count: int, epochs: int
) -> list[Values]:
    recipes = [recipe_of(each) for each in values]
    latency, _ = latencies.log10(recipes)
    # Nobody looks for what is slower than the unpruned network.
    whole = unpruned(network_of(recipes[0]))
    slowest = latencies.log10([replace(whole, runtime=recipe.runtime) for recipe in _of_each_runtime(recipes)])[0].max()
    fast = [int(place) for place in np.flatnonzero(latency <= max(slowest, latency.min()))]
    values, recipes, latency = [values[place] for place in fast], [recipes[place] for place in fast], latency[fast]
    error: Floats = points((recipe, epochs) for recipe in recipes) @ np.array(trend.slopes)
    edges = np.linspace(latency.min(), latency.max(), count + 1)[1:-1]
    budget = np.searchsorted(edges, latency)
    best: list[Values] = []
    lowest = np.inf
    for number in range(count):
        places = np.flatnonzero(budget == number)
        if len(places):
            place = places[error[places].argmin()]
            # What is slower and no more capable is not on the front.
            if error[place] < lowest:
                lowest = error[place]
                best.append(dict(values[place]))
    return best


def _of_each_runtime(recipes: Sequence[Recipe]) -> Iterable[Recipe]:
    return {recipe.runtime: recipe for recipe in recipes}.values()
