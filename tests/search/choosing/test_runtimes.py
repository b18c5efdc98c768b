"""What the default sampler makes of two runtimes: one shape costs each of them another time."""

from dataclasses import replace

import numpy as np
import pytest

from search.choosing.first_recipes import first_values
from search.choosing.forecast import features, forecast, held_out
from search.choosing.trial_notes import TrialNotes
from search.scoring.objectives import OBJECTIVES
from search.settings.settings import TRIALS
from space.dimensions import RUNTIME, dimensions
from space.formats.target import format_for
from space.recipe import Recipe
from tests.search.made_up import distinct, evaluation

# The second takes half the time for every network.
ELSEWHERE = "litert"


def notes(recipe: Recipe, latency_s: float) -> TrialNotes:
    latency = float(np.log10(latency_s))
    return TrialNotes(
        values={}, recipe=recipe, at_best=latency, accuracy=0.8, feasible_value=latency, training_s=1.0
    )  # fmt: skip


def test_each_runtime_has_a_surrogate_of_its_own() -> None:
    shapes = distinct(8)
    slow = [notes(recipe, 1e-3) for recipe in shapes]
    fast = [notes(replace(recipe, runtime=ELSEWHERE), 5e-4) for recipe in shapes]
    new = distinct(9)[8]
    both = [(new, 3), (replace(new, runtime=ELSEWHERE), 3)]
    ahead = forecast([*slow, *fast], both, OBJECTIVES["latency"], 0.7)
    assert ahead.probability_of_leading[1] > 10 * ahead.probability_of_leading[0]
    # Nothing is known of the second yet: it is taken for the first.
    ahead = forecast(slow, both, OBJECTIVES["latency"], 0.7)
    assert ahead.probability_of_leading[1] == ahead.probability_of_leading[0]


@pytest.mark.parametrize("runtime", ["onnxruntime", ELSEWHERE])
def test_the_quantizations_of_one_shape_are_told_apart(runtime: str) -> None:
    (shape,), quantizations = distinct(1), format_for(runtime).quantizations
    told = {features(replace(shape, runtime=runtime, quantization=quantization)) for quantization in quantizations}
    assert len(told) == len(quantizations)


def test_what_is_held_out_is_told_by_those_of_its_runtime() -> None:
    shapes = distinct(8)
    alone = [evaluation(made=recipe, latency_ms=1.0) for recipe in shapes]
    others = [evaluation(made=replace(recipe, runtime=ELSEWHERE), latency_ms=0.5) for recipe in shapes]
    both = held_out([*alone, *others])
    assert both is not None
    assert both.networks == 16
    assert both.median_error == pytest.approx(0, abs=0.01)
    assert held_out([*alone, *others[:3]]).networks == 8  # type: ignore[union-attr]


def test_first_recipes_leave_a_run_of_the_default_length_some_trials_of_its_own() -> None:
    both = first_values(dimensions("full", 2, runtimes=("onnxruntime", ELSEWHERE)))
    assert len(both) < TRIALS
    # The likeliest winners in each runtime, one after the other: the second needs no training.
    first, second = both[:2]
    assert {**first, RUNTIME: ELSEWHERE} == second != first
    alone = first_values(dimensions("full", 2))
    assert len(both) == len(alone) + (len(alone) + 1) // 2
