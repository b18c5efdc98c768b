"""Placing: which networks tell most of where the line lies; trainings before anything is known. They are of the front;
and where none of those rather holds the line, the unpruned network evenly narrowed."""

import random
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from search.choosing.forecast import Forecast
from search.choosing.options import LIKELY, RATHER, shape
from search.choosing.situation import Situation
from search.choosing.variation import SHARES, Variation
from space.dimension import Value
from space.dimensions import DEPTHWISE_RELU, network_in, recipe_of
from space.networks.network import unpruned
from space.recipe import Recipe

# A network's values, and the recipe of its training.
Training = tuple[dict[str, Value], Recipe]

# Trainings that place the line, as far as others have not done so already.
MOST = 5
# The share of a run's time that one of them may take: more teaches less than several shorter ones do.
_OF_RUN = 1 / 40
# Where the MOST shortest trainings take more than this share of a run, few others follow. Then each training is as long
# as lets all of them end, and one more: so that what holds the line is found by them.
_OF_MINUTES = 1 / 4
# Where none of the first trainings rather holds the line, this many of the MOST, the last ones, narrow the unpruned
# network evenly, and each may take this share of the run: narrowed networks keep what the baseline has learned, which
# no other training shows, and a line near the baseline's accuracy is held by few others.
_NARROWING, _NARROWING_OF_RUN = 2, 1 / 10


def placing(situation: Situation, front: Sequence[dict[str, Value]], alike: int) -> dict[str, Value] | None:
    """The network of the front, or the narrowing, of which it is least certain whether it holds the line, for its
    seconds; None once enough of them, or of others, were trained or are on their way. `alike`: trainings of other
    studies that count."""
    pace = situation.pace
    awaited = set(map(shape, situation.pending))
    seen = awaited | {shape(trial.recipe) for trial in situation.history if trial.accuracy is not None}
    if len(seen) >= MOST or alike >= 2 * MOST:
        return None
    tried = awaited | {shape(trial.recipe) for trial in situation.history}
    trainings = _trainings(situation, front)
    if pace.limited and len(seen) >= MOST - _NARROWING and _none_rather_holds(situation):
        trainings = _narrowings(situation, front[-1]) or trainings
    new = [
        (values, recipe)
        for values, recipe in trainings
        if recipe.id not in situation.known and shape(recipe) not in tried and pace.fits(recipe)
    ]
    if not new:
        return None
    prediction = _judged(situation, [recipe for _, recipe in new])
    feasible = np.where(prediction.probability_better >= LIKELY, prediction.probability_feasible, 0.0)
    if not feasible.any():
        return None
    seconds = np.array([pace.training_s(recipe, recipe.epochs) for _, recipe in new])
    values, recipe = new[int((feasible * (1 - feasible) / seconds).argmax())]
    return {**values, "epochs": recipe.epochs}


def _judged(situation: Situation, recipes: Sequence[Recipe]) -> Forecast:
    """What they would reach by the longest training that there is time for."""
    networks = [(recipe, situation.judged_epochs(recipe, recipe.epochs)) for recipe in recipes]
    return situation.forecaster.forecast(networks)


def _none_rather_holds(situation: Situation) -> bool:
    """Whether all that was trained rather misses the line, by the longest training that there is time for."""
    trained = [trial.recipe for trial in situation.history if trial.accuracy is not None]
    return bool(trained) and bool(_judged(situation, trained).probability_feasible.max() < RATHER)


def _narrowings(situation: Situation, front: dict[str, Value]) -> list[Training]:
    """The unpruned network with so much of every width, deployed as the network of the front, as far as its shortest
    training takes no more than it may."""
    variation = Variation(situation.table, random.Random(0))
    whole = unpruned(network_in(situation.table))
    # What is inherited is judged as it usually is, and goes on with what it was trained with.
    inherited: dict[str, Value] = {"criterion": whole.criterion, DEPTHWISE_RELU: int(whole.depthwise_relu)}
    allowed = [each.name for each in situation.table if each.name in inherited and each.allows(inherited[each.name])]
    others = front | {name: inherited[name] for name in allowed}
    shortest, most_s = situation.rungs[0], _NARROWING_OF_RUN * situation.whole_s
    thinned = [variation.thinned(share, others) for share in SHARES]
    trainings = [(values, recipe_of({**values, "epochs": shortest})) for values in thinned]
    return [pair for pair in trainings if situation.pace.training_s(pair[1], shortest) <= most_s]


def _trainings(situation: Situation, front: Sequence[dict[str, Value]]) -> list[Training]:
    """The networks whose training is no longer than it may be, each with the recipe of its training."""
    pace, shortest = situation.pace, situation.rungs[0]
    briefly = [(values, recipe_of({**values, "epochs": shortest})) for values in front]
    costs_s = [pace.training_s(recipe, shortest) for _, recipe in briefly]
    # There is a choice of so many at least.
    enough_s = sorted(costs_s)[:MOST][-1]
    if not pace.limited:
        # The time that one of the cheaper half of the front takes at most.
        most_s = float(np.median(costs_s))
    elif MOST * enough_s <= _OF_MINUTES * situation.whole_s:
        most_s = max(_OF_RUN * situation.whole_s, enough_s)
    else:
        most_s = situation.whole_s / (MOST + 1)
        briefly = [(values, _longest(recipe, situation, most_s)) for values, recipe in briefly]
    return [pair for pair, cost_s in zip(briefly, costs_s, strict=True) if cost_s <= most_s]


def _longest(recipe: Recipe, situation: Situation, most_s: float) -> Recipe:
    """The longest training of the recipe that ends in so many seconds, and at least the shortest."""
    shortest, longest = situation.rungs[0], situation.rungs[-1]
    shortest_s, longest_s = (situation.pace.training_s(recipe, epochs) for epochs in (shortest, longest))
    if longest_s <= most_s or longest == shortest:
        return replace(recipe, epochs=longest)
    share = (most_s - shortest_s) / (longest_s - shortest_s)
    return replace(recipe, epochs=max(shortest, shortest + int(share * (longest - shortest))))
