"""Searches of worlds that no prior has seen: another device, other data, another line, other networks.

They begin with a look at the device and the accuracy of the unpruned network, and nothing else is known. What the best
is is known from a direct search of the world, which no search with trainings could afford: about 8,000 networks.
"""

from dataclasses import replace
from functools import cache, partial
from pathlib import Path
from statistics import median

import pytest

from search.choosing.experience import Experience
from search.results.report import near_misses
from search.results.standings import standings
from search.scoring.objectives import OBJECTIVES
from space.dimension import Dimension
from space.dimensions import dimensions, network_in
from space.networks.network import unpruned
from space.recipe import Recipe
from tests.search.choosing.simulated import Course, looked, model_sampler, searched
from tests.search.choosing.worlds import HARD_DATA, INTEGER_DEVICE, WIDTH_DATA, Known, MadeUp, World, best_known
from tests.search.made_up import GOAL, evaluation, store_with

LATENCY = OBJECTIVES["latency"]
LINE = 0.70
TABLE, FOUR_CORES = dimensions("full", 2), dimensions("full", 4)
SEEDS = [pytest.param(0, marks=pytest.mark.whole), pytest.param(1, marks=pytest.mark.long)]
# A leader that takes more than twice what the best known network takes was not searched for well.
FAST = 2.0
# Only the longest trainings of the best known network's hold this line: seeds 0 to 3 came within 1.6, 1.5, 2.9 and 1.9
# of it before two of the first trainings narrowed the unpruned network, 3.0, 2.3, 2.3 and 1.8 since then: this world's
# data do not say what a network inherits, and on CIFAR-10 that is what holds such a line. Of digits the fronts are
# steps: seeds 0 to 2 came within 2.2, 1.9 and 1.4.
HIGHER, FAST_ENOUGH = 0.85, 2.5
DIGITS = MadeUp(error=0.05)
V2, MNIST = dimensions("full", 2, architecture="mobilenet_v2"), dimensions("full", 2, architecture="mnist_cnn")


def course_of(
    world: World,
    table: tuple[Dimension, ...],
    line: float = LINE,
    *,
    seed: int = 0,
    minutes: float | None = None,
    trials: int | None = None,
) -> Course:
    timings, unpruned_accuracy = looked(world, table), world.accuracy(unpruned(network_in(table)), 100)
    ours = partial(model_sampler, experience=Experience(unpruned_accuracy=unpruned_accuracy))
    return searched(
        world, ours, table, LATENCY, line, minutes=minutes, trials=trials, seed=seed, timings=timings
    )  # fmt: skip


@cache
def known(world: World, table: tuple[Dimension, ...], line: float) -> Known:
    best = best_known(world, table, LATENCY, line)
    assert best is not None
    return best


def behind(course: Course, world: World, table: tuple[Dimension, ...], line: float = LINE) -> float:
    """How much longer the leader takes than the best known network."""
    assert course.best is not None, course.ended
    return 10 ** (course.best - known(world, table, line).value)


@pytest.mark.parametrize("seed", SEEDS)
def test_where_integers_take_a_third_and_threads_help_the_winner_has_both(seed: int) -> None:
    course = course_of(INTEGER_DEVICE, FOUR_CORES, minutes=12, seed=seed)
    assert course.leader is not None, course.ended
    assert course.leader.quantization == "static_int8"
    assert course.leader.threads > 1


@pytest.mark.parametrize("seed", SEEDS)
def test_where_width_matters_more_than_depth_thirty_trials_come_within_a_twentieth(seed: int) -> None:
    course = course_of(WIDTH_DATA, TABLE, trials=30, seed=seed)
    assert behind(course, WIDTH_DATA, TABLE) <= 1.05


def test_a_line_near_the_unpruned_networks_accuracy_is_placed_among_even_narrowings_of_it_too() -> None:
    whole = unpruned(network_in(TABLE))

    def is_narrowed(recipe: Recipe) -> bool:
        shares = [width / all_of_it for width, all_of_it in zip(recipe.widths, whole.widths, strict=True)]
        as_trained = recipe.halvings == whole.halvings and recipe.criterion == whole.criterion
        return as_trained and recipe.depthwise_relu and min(shares) > 0 and max(shares) - min(shares) < 0.2

    first = [step.recipe for step in course_of(MadeUp(), TABLE, HIGHER, minutes=45, trials=5).steps]
    assert [is_narrowed(recipe) for recipe in first] == [False] * 3 + [True] * 2
    assert first[3].widths != first[4].widths
    # Where what was trained rather holds the line, they teach nothing that is needed.
    lower = [step.recipe for step in course_of(MadeUp(), TABLE, LINE, minutes=45, trials=5).steps]
    assert not any(map(is_narrowed, lower))


@pytest.mark.long
def test_a_higher_line_is_held_by_a_fast_network() -> None:
    courses = [course_of(MadeUp(), TABLE, HIGHER, minutes=45, seed=seed) for seed in range(3)]
    assert median(behind(course, MadeUp(), TABLE, HIGHER) for course in courses) <= FAST_ENOUGH


@pytest.mark.long
def test_mobilenet_v2_is_searched_alike() -> None:
    course = course_of(MadeUp(), V2, minutes=27)
    assert behind(course, MadeUp(), V2) <= FAST


@pytest.mark.whole
def test_mnist_cnn_is_searched_alike() -> None:
    course = course_of(DIGITS, MNIST, 0.96, minutes=27)
    assert behind(course, DIGITS, MNIST, 0.96) <= FAST_ENOUGH


@pytest.mark.whole
def test_where_nothing_reaches_the_line_the_time_is_used_and_the_nearest_misses_are_said(tmp_path: Path) -> None:
    minutes = 12
    course = course_of(HARD_DATA, TABLE, 0.95, minutes=minutes)
    assert course.best is None
    assert course.leader is None
    # What is left is less than the last training would have taken.
    assert course.steps[-1].clock_s > 0.85 * 60 * minutes
    trained = {step.recipe: HARD_DATA.accuracy(step.recipe, step.recipe.epochs) for step in course.steps}
    evaluations = [
        evaluation(made=recipe, share=share, latency_ms=1e3 * HARD_DATA.latency_s(recipe))
        for recipe, share in trained.items()
    ]
    goal = replace(GOAL, objective="latency", minimum_accuracy=0.93, margin=0.02)
    lines = near_misses(standings(store_with(tmp_path, evaluations, goal), goal))
    text = " ".join(lines)
    assert "95.00 % on validation is the line (93.00 % and a margin of 2.00)" in text
    nearest = sorted(trained, key=lambda recipe: trained[recipe], reverse=True)[:3]
    places = [text.index(recipe.id) for recipe in nearest]
    assert places == sorted(places)
    assert f"{100 * trained[nearest[0]]:.1f}" in text
    assert "--min-accuracy" in lines[-1]
    assert "--trials" in lines[-1]
