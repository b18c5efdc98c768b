"""Which training of a network comes next, and which to follow ends in time."""

from dataclasses import replace

from search.choosing.options import NEVER, RUNGS, deployed, longest_trainings, next_training, rungs, shape
from search.choosing.time_left import Pace
from search.choosing.trial_notes import TrialNotes
from space.dimensions import dimensions
from space.training.speed import Speed, Trainings
from tests.search.choosing.ladder import ladder
from tests.search.made_up import distinct

RECIPE = ladder()[1]
# Images alone cost time, and nothing stands beside the training.
PACE = Pace(trainings=Trainings(speed=Speed(layer_s=1e-5, mac_s=0.0, answer_s=0.0)), beside_s=0.0)


def seconds(epochs: int) -> float:
    return PACE.training_s(RECIPE, epochs)


def test_trainings_are_as_long_as_the_table_lets_them_be() -> None:
    assert rungs(dimensions("full", 2)) == RUNGS
    assert rungs(dimensions("pruning", 2)) == (3, 5)
    assert rungs(dimensions("full", 2, {"epochs": "0"})) == (0,)


def test_fewer_images_are_seen_for_more_epochs_so_that_the_weights_move_as_far() -> None:
    table = dimensions("full", 2)
    assert rungs(table, 45_000) == rungs(table, 60_000) == RUNGS
    # 31 steps of 64 images an epoch, at half of the rate, where CIFAR-10 has 175 of 256.
    assert rungs(table, 2_000) == (34, 100)
    assert rungs(dimensions("pruning", 2), 2_000) == (5,)


def test_each_training_is_followed_by_the_next_longer_one() -> None:
    assert [next_training(RECIPE, epochs, RUNGS, PACE) for epochs in (NEVER, 3, 10, 100)] == [3, 10, 32, None]


def test_the_next_training_ends_in_time_although_it_be_a_tenth_slower() -> None:
    assert next_training(RECIPE, 3, RUNGS, replace(PACE, left_s=1.15 * seconds(10))) == 10
    assert next_training(RECIPE, 3, RUNGS, replace(PACE, left_s=1.05 * seconds(10))) is None


def test_where_training_is_cheap_beside_measuring_the_next_is_long() -> None:
    assert next_training(RECIPE, NEVER, RUNGS, replace(PACE, beside_s=10 * seconds(100))) == 100


def trial(accuracy: float | None, epochs: int, **values: int) -> TrialNotes:
    return TrialNotes(
        values=values,
        recipe=replace(RECIPE, epochs=epochs),
        at_best=0.0,
        latency_s=1e-3,
        accuracy=accuracy,
        feasible_value=None,
        training_s=1.0,
    )


def test_what_was_not_trained_counts_as_trained_for_the_longest() -> None:
    network = deployed(RECIPE)
    assert longest_trainings([trial(0.7, 10, block=1), trial(0.6, 3)], 100) == {network: (10, {"block": 1})}
    assert longest_trainings([trial(0.7, 10), trial(None, 3)], 100)[network][0] == 100


def test_a_shape_is_one_however_it_is_deployed_and_trained() -> None:
    other = distinct(1)[0]
    assert shape(replace(RECIPE, threads=2, quantization="static_int8", epochs=9)) == shape(RECIPE)
    assert shape(replace(RECIPE, depthwise_relu=False)) != shape(RECIPE) != shape(other)
    assert deployed(replace(RECIPE, epochs=9, seed=4)) == deployed(RECIPE)
    for changed in ({"threads": 2}, {"quantization": "static_int8"}, {"runtime": "litert"}, {"aware_epochs": 1}):
        assert deployed(replace(RECIPE, **changed)) != deployed(RECIPE)
