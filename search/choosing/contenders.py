"""Contenders: in the last part of a run, the training that promises the most for its seconds."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from search.choosing.options import LIKELY, Option
from search.choosing.situation import Situation
from space.dimension import Value

# Every length of training is considered for so many networks: the likeliest to lead, and the most improving ones.
_CONTENDERS = 60
# Where no training is likelier than this to give a new leader, the likeliest one is tried: its expected improvement is
# too small a number to choose by.
HOPELESS = 0.01
# While nothing holds the line, what leads this likely comes before what would lead by more and is less likely to: this
# part of a run is the last, and one that ends with nothing is lost.
_SURE = 0.8


def contender(situation: Situation, options: Sequence[Option]) -> dict[str, Value]:
    """The training with the highest expected improvement for its seconds, of any network and length."""
    forecaster, pace = situation.forecaster, situation.pace
    prediction = forecaster.forecast([(each.recipe, each.last_epochs) for each in options])
    likeliest = np.argsort(-prediction.log_probability_of_leading)[:_CONTENDERS]
    most_improving = np.argsort(-prediction.expected_improvement)[:_CONTENDERS]
    chosen = [options[place] for place in dict.fromkeys([*likeliest.tolist(), *most_improving.tolist()])]
    trainings = [(each, epochs) for each in chosen for epochs in _lengths(each, situation)]
    if not trainings:
        likeliest_option = options[int(likeliest[0])]
        return {**likeliest_option.values, "epochs": likeliest_option.next_epochs}
    prediction = forecaster.forecast([(each.recipe, epochs) for each, epochs in trainings])
    probability = prediction.probability_of_leading
    able = _chosen_among(probability, np.array([each.is_new for each, _ in trainings]), forecaster.has_leader)
    if probability[able].max() < HOPELESS:
        place = int(np.where(able, prediction.log_probability_of_leading, -np.inf).argmax())
    else:
        seconds = np.array([pace.training_s(each.recipe, epochs) for each, epochs in trainings])
        place = int(np.where(able, prediction.expected_improvement / seconds, -1.0).argmax())
    option, epochs = trainings[place]
    return {**option.values, "epochs": epochs}


def _chosen_among(probability: NDArray[np.float64], is_new: NDArray[np.bool_], has_leader: bool) -> NDArray[np.bool_]:
    """The trainings that may be chosen, by how likely each gives a new leader."""
    sure = probability >= _SURE
    if sure.any() and not has_leader:
        return sure
    # What was looked at already is told far better than what was not.
    if (~is_new & (probability >= LIKELY)).any():
        return ~is_new
    return np.ones_like(is_new)


def _lengths(option: Option, situation: Situation) -> list[int]:
    """Epochs of the longer trainings that it may have; the longest that fits uses the time up."""
    longer = sorted({*situation.rungs[1:], _longest_fitting(option, situation)})
    recipes = [replace(option.recipe, epochs=epochs) for epochs in longer if epochs > option.trained_epochs]
    return [recipe.epochs for recipe in recipes if recipe.id not in situation.known and situation.pace.fits(recipe)]


def _longest_fitting(option: Option, situation: Situation) -> int:
    """As many epochs as end in time, at most the longest training."""
    # Weights of another length, which are there already, say nothing of how long this one takes.
    pace, first, longest = replace(situation.pace, trained=frozenset()), situation.rungs[0], situation.rungs[-1]
    start_s, longest_s = (pace.at_most_s(replace(option.recipe, epochs=epochs)) for epochs in (first, longest))
    each_s = (longest_s - start_s) / max(longest - first, 1)
    return max(first, min(longest, first + int((pace.left_s - start_s) / max(each_s, 1e-9))))
