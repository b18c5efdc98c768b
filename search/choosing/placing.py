"""Placing: which network of the front tells most of where the line lies; brief trainings before anything is known."""

from collections.abc import Sequence

import numpy as np

from search.choosing.options import LIKELY, shape
from search.choosing.situation import Situation
from space.dimension import Value
from space.dimensions import recipe_of

# Trainings that place the line, as far as others have not done so already.
MOST = 5
# The share of a run's time that one of them may take: more teaches less than several shorter ones do. In a run of
# minutes, what is trained for no longer than its file is built and timed may take its time all the same. Without a
# deadline it is one of the cheaper half of the front.
_OF_RUN = 1 / 40


def placing(situation: Situation, front: Sequence[dict[str, Value]], alike: int) -> dict[str, Value] | None:
    """The network of the front of which it is least certain whether it holds the line, for its seconds; None once
    enough of them, or of others, were trained or are on their way. `alike`: trainings of other studies that count."""
    pace, epochs = situation.pace, situation.rungs[0]
    awaited = set(map(shape, situation.pending))
    seen = awaited | {shape(trial.recipe) for trial in situation.history if trial.accuracy is not None}
    if len(seen) >= MOST or alike >= 2 * MOST:
        return None
    tried = awaited | {shape(trial.recipe) for trial in situation.history}
    recipes = [recipe_of({**values, "epochs": epochs}) for values in front]
    costs = [pace.training_s(recipe, epochs) for recipe in recipes]
    most_s = max(_OF_RUN * situation.whole_s, 2 * pace.beside_s) if pace.limited else float(np.median(costs))
    fitting = [
        place
        for place, recipe in enumerate(recipes)
        if recipe.id not in situation.known and shape(recipe) not in tried
        if costs[place] <= most_s
        if pace.fits(recipe)
    ]
    if not fitting:
        return None
    networks = [(recipes[place], situation.judged_epochs(recipes[place])) for place in fitting]
    prediction = situation.forecaster.forecast(networks)
    feasible = np.where(prediction.probability_better >= LIKELY, prediction.probability_feasible, 0.0)
    if not feasible.any():
        return None
    seconds = np.array([costs[place] for place in fitting])
    return {**front[fitting[int((feasible * (1 - feasible) / seconds).argmax())]], "epochs": epochs}
