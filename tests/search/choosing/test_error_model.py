"""What is learned of accuracies: from other studies, from trainings that were given up, from very many."""

import math
from dataclasses import replace

import numpy as np
import pytest

from search.choosing.error_model import (
    MOST_POINTS,
    Trained,
    beyond_first,
    learned,
    most_gain,
    points,
    prior,
    surrogate,
    trained_of,
)
from search.choosing.features import NAMES
from search.choosing.trial_notes import TrialNotes
from space.recipe import Recipe
from space.training.patience import FALL, MOST_GAIN
from tests.search.choosing.ladder import ladder
from tests.search.made_up import distinct

THREADS = NAMES.index("threads")
# A step of what fades of longer trainings takes this much of the logarithm of the errors away elsewhere; the prior says
# half of it.
STEEP = -0.4


def elsewhere(count: int, slope: float = STEEP) -> list[Trained]:
    draw = np.random.default_rng(0)
    trainings = []
    for place, recipe in enumerate(ladder() * (count // len(ladder()) + 1)):
        epochs = (3, 10, 32)[place % 3]
        error = 0.5 * math.exp(slope * beyond_first(epochs / 3)[1] + draw.normal(0, 0.005))
        trainings.append(Trained(recipe, epochs, 1 - error))
    return trainings[:count]


def history_with(gain: float, last: float, epochs: int = 20) -> tuple[float, ...]:
    """Accuracies of a training whose wrong answers fall to this share, as one that gains so much does."""
    exponents = [1 + gain * math.pow(1 - epoch / epochs, FALL) for epoch in range(1, epochs + 1)]
    return tuple(1 - math.pow(last, 1 / exponent) for exponent in exponents)


def notes(recipe: Recipe, accuracy: float, accuracies: tuple[float, ...], *, given_up: bool = False) -> TrialNotes:
    return TrialNotes(
        values={},
        recipe=recipe,
        at_best=0.0,
        latency_s=1e-3,
        accuracy=accuracy,
        feasible_value=None,
        training_s=1.0,
        epoch_accuracies=accuracies,
        given_up=given_up,
    )


def test_slopes_of_another_study_take_the_place_of_the_prior() -> None:
    before, after = prior(), learned(elsewhere(42))
    assert before.slopes[-1] == STEEP / 2
    assert after.slopes[-1] == pytest.approx(STEEP, abs=0.03)
    # The slopes are another study's: never surer than that, and never less sure than before.
    assert 0.03 <= after.slope_sds[-1] < 0.7 * before.slope_sds[-1]
    assert all(sure <= unsure for sure, unsure in zip(after.slope_sds, before.slope_sds, strict=True))
    # What cannot matter still cannot; how hard the data are is left open.
    assert (after.slopes[THREADS], after.slope_sds[THREADS]) == (0.0, 0.0)
    assert (after.mean, after.mean_sd) == (before.mean, before.mean_sd)


def test_few_trainings_elsewhere_move_a_slope_less_than_many() -> None:
    few, many = learned(elsewhere(2)), learned(elsewhere(42))
    assert STEEP - 0.03 < many.slopes[-1] < few.slopes[-1] < prior().slopes[-1]
    assert few.slope_sds[-1] > many.slope_sds[-1]
    assert learned([]) == prior()


def test_a_training_given_up_is_expected_to_end_as_the_others_did_and_not_as_its_projection() -> None:
    shapes = distinct(4)
    recipe = replace(shapes[3], epochs=20)
    ended = [notes(shape, 0.7, history_with(2.0, 0.3)) for shape in shapes[:3]]
    accuracies = history_with(2.0, 0.4)[:10]
    given_up = notes(recipe, 0.95, accuracies, given_up=True)
    *_, expected = trained_of([*ended, given_up])
    assert (expected.recipe, expected.epochs) == (recipe, 20)
    assert expected.accuracy == pytest.approx(0.6)


def test_before_some_have_ended_a_training_given_up_is_expected_to_gain_half_of_the_most() -> None:
    shapes = distinct(3)
    ended = [notes(shape, 0.7, history_with(2.0, 0.3)) for shape in shapes[:2]]
    given_up = notes(replace(shapes[2], epochs=20), 0.95, history_with(MOST_GAIN / 2, 0.4)[:10], given_up=True)
    *_, expected = trained_of([*ended, given_up])
    assert expected.accuracy == pytest.approx(0.6)


def test_of_very_many_trainings_the_best_and_the_most_recent_are_fitted_to() -> None:
    shapes = distinct(30)
    best = Trained(shapes[0], 100, 0.99)
    others = [Trained(shapes[place % 30], 1 + place % 90, 0.5) for place in range(4 * MOST_POINTS)]
    fitted = surrogate([best, *others], prior())
    assert len(fitted.values) == MOST_POINTS
    rows = fitted.points.tolist()
    assert points([(best.recipe, best.epochs)])[0].tolist() in rows
    assert points([(others[-1].recipe, others[-1].epochs)])[0].tolist() == rows[-1]


def test_patience_is_learned_from_trainings_that_ended() -> None:
    histories = [history_with(gain, 0.3) for gain in (1.0, 2.0, 1.5)]
    assert most_gain(histories) == pytest.approx(1.25 * 2.0)
    assert most_gain(histories[:2]) is None
    # One that was over at once says nothing.
    assert most_gain([*histories[:2], (0.1, 0.5)]) is None


def test_each_training_three_times_as_long_brings_less_than_the_one_before() -> None:
    """Of a network on CIFAR-10: 3, 10, 32 and 100 epochs; a logarithm would promise the same each time."""
    shape, *others = distinct(6)
    trainings = [Trained(recipe, 3, 0.6) for recipe in others]
    trainings += [Trained(shape, epochs, 1 - 0.4 * math.exp(lost)) for epochs, lost in ((3, 0.0), (10, -0.226))]
    fitted = surrogate(trainings, prior())
    (_, at_ten, at_32, at_100), _ = fitted.predict(points((shape, epochs) for epochs in (3, 10, 32, 100)))
    assert at_ten == pytest.approx(math.log(0.4) - 0.226, abs=0.03)
    assert -0.16 < at_32 - at_ten < -0.07
    assert -0.11 < at_100 - at_32 < -0.03


def test_a_training_counts_by_the_first_one_on_its_images() -> None:
    shape, *others = distinct(6)
    trainings = [Trained(recipe, 3, 0.6) for recipe in others] + [Trained(shape, 10, 0.68)]
    many = surrogate(trainings, prior())
    few = surrogate([replace(trained, epochs=10 * trained.epochs) for trained in trainings], prior(), 30.0)
    (expected,), (sd,) = many.predict(points([(shape, 32)]))
    assert few.predict(points([(shape, 320)], 30.0)) == (pytest.approx([expected]), pytest.approx([sd]))
