"""What the default sampler makes of two runtimes: one shape costs each of them another time."""

import math
from dataclasses import replace

import pytest

from search.choosing.error_model import Trained, prior
from search.choosing.features import features
from search.choosing.forecast import Forecaster
from search.choosing.latency_model import Timing, errors_held_out
from search.choosing.trial_notes import TrialNotes
from search.scoring.objectives import OBJECTIVES
from space.formats.target import format_for
from space.recipe import Recipe
from tests.search.made_up import distinct, evaluation

LATENCY = OBJECTIVES["latency"]
# The second takes half the time for every network.
ELSEWHERE = "litert"


def notes(recipe: Recipe, latency_s: float) -> TrialNotes:
    latency = math.log10(latency_s)
    return TrialNotes(
        values={},
        recipe=recipe,
        at_best=latency,
        latency_s=latency_s,
        accuracy=0.8,
        feasible_value=latency,
        training_s=1.0,
    )


def forecaster(history: list[TrialNotes], timings: tuple[Timing, ...] = ()) -> Forecaster:
    return Forecaster.fitted(history, timings, LATENCY, 0.7, prior())


def test_each_runtime_has_a_latency_model_of_its_own() -> None:
    shapes = distinct(8)
    slow = [notes(recipe, 1e-3) for recipe in shapes]
    fast = [notes(replace(recipe, runtime=ELSEWHERE), 5e-4) for recipe in shapes]
    new = distinct(9)[8]
    both = [new, replace(new, runtime=ELSEWHERE)]
    mean, sd = forecaster([*slow, *fast]).figure(both)
    assert mean[0] - mean[1] == pytest.approx(math.log10(2), abs=0.03)
    # Nothing is known of the second yet: it may be anything.
    mean, unsure = forecaster(slow).figure(both)
    assert unsure[1] > 5 * sd[1]
    # A look says it before anything was trained.
    timings = tuple(Timing(trial.recipe, trial.latency_s) for trial in fast)
    mean, sd = forecaster(slow, timings).figure(both)
    assert mean[0] - mean[1] == pytest.approx(math.log10(2), abs=0.03)


def test_what_was_timed_in_a_look_is_not_predicted() -> None:
    recipe = distinct(1)[0]
    mean, sd = forecaster([], (Timing(recipe, 7e-3),)).figure([recipe])
    assert 10 ** mean[0] == pytest.approx(7e-3)
    assert sd[0] < 0.01


def test_accuracies_from_other_devices_of_the_same_baseline_hold_here() -> None:
    recipe = distinct(1)[0]
    others = [Trained(replace(recipe, runtime=ELSEWHERE), recipe.epochs, 0.9)]
    with_others = Forecaster.fitted([], (), LATENCY, 0.7, prior(), others).forecast([(recipe, recipe.epochs)])
    assert with_others.probability_feasible[0] > 0.95
    alone = Forecaster.fitted([], (), LATENCY, 0.7, prior()).forecast([(recipe, recipe.epochs)])
    assert alone.probability_feasible[0] < 0.7


@pytest.mark.parametrize("runtime", ["onnxruntime", ELSEWHERE])
def test_the_quantizations_of_one_shape_are_told_apart_where_they_mean_other_numbers(runtime: str) -> None:
    (shape,), quantizations = distinct(1), format_for(runtime).quantizations
    by_quantization = {name: features(replace(shape, runtime=runtime, quantization=name)) for name in quantizations}
    assert by_quantization["none"] not in [numbers for name, numbers in by_quantization.items() if name != "none"]
    assert by_quantization["static_int8"] not in [
        numbers for name, numbers in by_quantization.items() if name != "static_int8"
    ]


def test_what_is_held_out_is_told_by_those_of_its_runtime() -> None:
    shapes = distinct(8)
    alone = [evaluation(made=recipe, latency_ms=1.0) for recipe in shapes]
    others = [evaluation(made=replace(recipe, runtime=ELSEWHERE), latency_ms=0.5) for recipe in shapes]
    both = errors_held_out([*alone, *others])
    assert [(each.runtime, each.networks) for each in both] == [("onnxruntime", 8), (ELSEWHERE, 8)]
    assert all(each.median_error == pytest.approx(0, abs=0.03) for each in both)
    # Too few say nothing, and one that was disturbed is none of them.
    assert [each.runtime for each in errors_held_out([*alone, *others[:3]])] == ["onnxruntime"]
