"""Error model: predicts which share of answers is wrong, by a network's shape and how long it is trained.

Nothing in it is of one data set: its prior says that more of anything does not hurt, with a wide uncertainty. Where
the store knows other searches, their slopes take its place.
"""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

import numpy as np

from search.choosing.features import NAMES, SHAPE, features
from search.choosing.gaussian_process import Floats, GaussianProcess, Trend
from search.choosing.trial_notes import TrialNotes
from space.recipe import Recipe
from space.training.patience import FALL, MOST_GAIN, SETTLED

# Epochs of a first training on as many images as CIFAR-10 has; other numbers of images have their own (options.py).
FIRST_EPOCHS = 3.0
# One part of what longer trainings bring goes with their logarithm, the other fades with this power of their length.
# Three times as long and again and again took 20, 8 and 5 % of the errors away (medians of 42, 7 and 1 networks of nine
# searches on CIFAR-10, 2026-11): a logarithm alone, which takes the same away each time, had promised trainings of 32
# epochs and more 0.9 standard deviations too much.
_FADING = 0.5
# Shorter trainings than this share of a first one are told as it is: nobody asks for them where time counts.
_SHORTEST = 0.25
# Prior of log(error) and its slopes. The mean is that of 37 % wrong answers, within a factor of ten either way.
_MEAN, _MEAN_SD = -1.0, 1.2
# A step of what a network is made of takes about this share of the errors away, or none, or three times as much; what
# it runs on changes them by a few hundredths, threads not at all; a training three times as long as a first one takes a
# fifth, or a tenth, or a third.
_OF_SIZE = {"MACs": -0.04, "weights": -0.04, "values": -0.02, "mean width": -0.02, "narrowest width": -0.03}
_OF_SHAPE_SD, _OF_INTEGERS_SD = 0.08, 0.04
_OF_EPOCHS, _OF_EPOCHS_SD = (-0.03, -0.2), (0.05, 0.15)
# A point has so many columns: the features of a network, and how far its training goes beyond a first one.
COLUMNS = len(NAMES) + len(_OF_EPOCHS)
Item = TypeVar("Item")

# Slopes of another search stand for those of this one within so much more, per step.
_OF_ANOTHER_SD = 0.03
# Points that a surrogate is fitted to at most: fitting takes time with the third power of their number.
MOST_POINTS = 250
# Fewer trainings that ended do not say how one goes: then one that was given up is expected to gain half of the most
# that was ever seen.
_FEWEST_ENDED = 3
_GAIN_UNTIL_THEN = MOST_GAIN / 2
# The largest gain that was seen, times this, is more than a training of the same search gains.
_ABOVE_SEEN = 1.25


@dataclass(frozen=True, slots=True)
class Trained:
    """A network's deployed validation accuracy after so many epochs; `expected` where its training was given up."""

    recipe: Recipe
    epochs: float
    accuracy: float


def prior() -> Trend:
    shape = [_OF_SIZE.get(name, 0.0) for name in SHAPE]
    integers_sd = (_OF_INTEGERS_SD, _OF_INTEGERS_SD, 0.0, 0.0)
    return Trend(
        _MEAN,
        _MEAN_SD,
        (*shape, *(0.0 for _ in integers_sd), *_OF_EPOCHS),
        (*(_OF_SHAPE_SD for _ in shape), *integers_sd, *_OF_EPOCHS_SD),
    )


def learned(earlier: Sequence[Trained], begin: Trend | None = None) -> Trend:
    """The prior after another search's trainings: their slopes, within their own uncertainty and that of being
    another's; the level is left open, as other data are harder or easier. Their epochs are as if on as many images as
    CIFAR-10 has."""
    begin = begin or prior()
    if not earlier:
        return begin
    mean, sd = surrogate(earlier, begin).slopes()
    wider = np.where(np.array(begin.slope_sds) > 0, np.sqrt(sd**2 + _OF_ANOTHER_SD**2), 0.0)
    narrower = np.minimum(wider, np.array(begin.slope_sds))
    return Trend(begin.mean, begin.mean_sd, tuple(mean), tuple(narrower))


def surrogate(trained: Sequence[Trained], trend: Trend, first_epochs: float = FIRST_EPOCHS) -> GaussianProcess:
    """Predicts the logarithm of the share of wrong answers; of too many the best and the most recent count, as
    fitting takes time. `first_epochs`: of a first training on these images."""
    telling = most_telling(trained, lambda each: each.accuracy)
    errors = np.array([math.log(max(1 - each.accuracy, 1e-3)) for each in telling])
    return GaussianProcess(trend, points(((each.recipe, each.epochs) for each in telling), first_epochs), errors)


def most_telling(items: Sequence[Item], goodness: Callable[[Item], float], most: int = MOST_POINTS) -> Sequence[Item]:
    """The best and the most recent of too many."""
    if len(items) <= most:
        return items
    half = most // 2
    older, recent = items[:-half], items[-half:]
    best = sorted(range(len(older)), key=lambda place: goodness(older[place]))[-half:]
    return [*(older[place] for place in sorted(best)), *recent]


def points(networks: Iterable[tuple[Recipe, float]], first_epochs: float = FIRST_EPOCHS) -> Floats:
    rows = [[*features(recipe), *beyond_first(epochs / first_epochs)] for recipe, epochs in networks]
    return np.array(rows) if rows else np.zeros((0, COLUMNS))


def beyond_first(times: float) -> tuple[float, float]:
    """How much further a training goes that is so many times as long as a first one, by each part: 0 for that, and 1
    and 0.8 for one e times as long; the second part is 2 at most."""
    times = max(times, _SHORTEST)
    return math.log(times), (1 - math.pow(times, -_FADING)) / _FADING


def taken_away(times: float, trend: Trend) -> float:
    """What the logarithm of the errors changes by where a training is so many times as long as a first one."""
    parts = beyond_first(times)
    return sum(part * slope for part, slope in zip(parts, trend.slopes[-len(parts) :], strict=True))


def trained_of(history: Sequence[TrialNotes]) -> list[Trained]:
    """What the trials show; the end of a training that was given up is expected as the others' went."""
    usual = usual_gain(trial.epoch_accuracies for trial in history if not trial.given_up) or _GAIN_UNTIL_THEN
    return [
        Trained(trial.recipe, trial.recipe.epochs, accuracy)
        for trial in history
        if (accuracy := _accuracy(trial, usual)) is not None
    ]


def _accuracy(trial: TrialNotes, usual: float) -> float | None:
    if trial.accuracy is None or not trial.given_up:
        return trial.accuracy
    if not trial.epoch_accuracies:
        return None
    done = len(trial.epoch_accuracies) / trial.recipe.epochs
    return 1 - math.pow(1 - max(trial.epoch_accuracies), 1 + usual * math.pow(1 - done, FALL))


def gains(accuracies: Sequence[float]) -> list[float]:
    """How a training's wrong answers shrank from each epoch to its end: the factor before the share left, to the power
    of FALL, in the exponent (space/training/patience.py)."""
    if len(accuracies) < 4 or not 0 < accuracies[-1] < 1:
        return []
    last = math.log(1 - accuracies[-1])
    seen = []
    for epoch, accuracy in enumerate(np.maximum.accumulate(accuracies)[:-1], start=1):
        done = epoch / len(accuracies)
        if done > SETTLED and 0 < accuracy < 1:
            seen.append((last / math.log(1 - accuracy) - 1) / (1 - done) ** FALL)
    # The last few epochs gain next to nothing, divided by next to nothing.
    return [gain for gain, epoch in zip(seen, range(len(seen)), strict=True) if epoch < 0.8 * len(seen)]


def usual_gain(histories: Iterable[Sequence[float]]) -> float | None:
    """The usual gain of the trainings that ended; None where they are too few to say."""
    medians = [median(seen) for accuracies in histories if (seen := gains(accuracies))]
    return float(median(medians)) if len(medians) >= _FEWEST_ENDED else None


def most_gain(histories: Iterable[Sequence[float]]) -> float | None:
    """More than a training of this search gains; None where too few have ended to say."""
    greatest = [max(seen) for accuracies in histories if (seen := gains(accuracies))]
    return float(_ABOVE_SEEN * max(greatest)) if len(greatest) >= _FEWEST_ENDED else None
