"""The simulation itself: it tells a sampler what the pipeline would, and counts what that would take."""

from dataclasses import replace
from itertools import pairwise

import pytest

from search.choosing.optuna_samplers import DistinctSampler
from search.choosing.sampler import Sampler
from search.scoring.objectives import OBJECTIVES
from space.dimensions import dimensions, values_of
from space.networks.mobilenet_v1.shape import HALVINGS, WIDTHS
from space.networks.network import uniform
from space.recipe import Recipe
from tests.search.choosing.simulated import GATED, GIVEN_UP, TIMING_S, TRAINED, Course, Opening, looked, searched
from tests.search.choosing.worlds import HARD_DATA, MadeUp

LATENCY = OBJECTIVES["latency"]
TABLE = dimensions("full", 2)
WORLD = MadeUp()
QUARTER, HALF = (
    Recipe(
        widths=uniform(WIDTHS, share),
        halvings=HALVINGS,
        epochs=epochs,
        learning_rate=0.4,
        distillation=0.9,
        input_form="raw",
    )
    for share, epochs in ((0.25, 10), (0.5, 10))
)


def by_chance(opening: Opening) -> Sampler:
    return DistinctSampler("random", opening.seed, opening.table, opening.known, opening.time_left)


def of(*recipes: Recipe, world: MadeUp = WORLD, line: float = 0.70) -> Course:
    """A search of these alone."""
    first = [values for recipe in recipes if (values := values_of(recipe, TABLE)) is not None]
    assert len(first) == len(recipes)
    return searched(world, by_chance, TABLE, LATENCY, line, trials=len(recipes), seed=0, first=first)


def test_a_search_is_repeated_to_the_digit_and_another_world_differs() -> None:
    def course(seed: int) -> list[object]:
        world = MadeUp(seed=seed)
        steps = searched(world, by_chance, TABLE, LATENCY, 0.70, trials=12, seed=0).steps
        return [(step.recipe, step.outcome, step.clock_s, step.training_s, step.best) for step in steps]

    assert course(0) == course(0)
    assert course(0) != course(1)


def test_what_could_not_lead_is_timed_and_not_trained() -> None:
    course = of(QUARTER, HALF)
    assert [step.outcome for step in course.steps] == [TRAINED, GATED]
    assert course.steps[1].training_s == course.steps[0].training_s
    assert course.steps[1].clock_s == course.steps[0].clock_s + TIMING_S
    assert course.leader == QUARTER


def test_weights_are_trained_once_and_a_structure_is_timed_once() -> None:
    course = of(QUARTER, replace(QUARTER, threads=2), replace(QUARTER, epochs=12))
    first, second, third = course.steps
    assert first.training_s == WORLD.training_s(QUARTER)
    assert second.training_s == first.training_s
    assert second.timings == 2
    assert third.outcome == TRAINED
    assert third.training_s > second.training_s
    assert third.timings == 2


def test_a_training_that_cannot_reach_the_line_is_given_up_and_costs_its_part() -> None:
    course = of(QUARTER, world=HARD_DATA, line=0.95)
    assert [step.outcome for step in course.steps] == [GIVEN_UP]
    assert 0 < course.training_s < HARD_DATA.training_s(QUARTER)
    assert course.best is None


def test_it_ends_in_time() -> None:
    course = searched(WORLD, by_chance, TABLE, LATENCY, 0.70, seed=0, minutes=15)
    assert course.steps[-1].clock_s <= 15 * 60
    assert len(course.steps) > 3


def test_minutes_of_training_count_no_timings() -> None:
    course = searched(WORLD, by_chance, TABLE, LATENCY, 0.70, seed=0, training_minutes=4)
    assert course.training_s <= 4 * 60 < course.steps[-1].clock_s


def test_a_history_rises_to_the_accuracy_with_a_leap_at_its_end() -> None:
    history = WORLD.history(QUARTER)
    assert history[-1] == pytest.approx(WORLD.accuracy(QUARTER, QUARTER.epochs))
    assert list(history) == sorted(history)
    assert len(history) == QUARTER.epochs
    gains = [after - before for before, after in pairwise(history)]
    assert gains[-1] > gains[len(gains) // 2]


def test_a_look_costs_its_timings_and_a_structure_of_it_is_not_timed_again() -> None:
    timings = looked(WORLD, TABLE, count=10)
    assert len({timing.recipe.structure_id for timing in timings}) == 10
    course = searched(WORLD, by_chance, TABLE, LATENCY, 0.70, trials=1, seed=0, timings=timings)
    assert course.steps[0].timings == 11
    assert course.steps[0].clock_s == pytest.approx(11 * TIMING_S + course.steps[0].training_s)
