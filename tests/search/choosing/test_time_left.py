from dataclasses import replace

import pytest

from search.choosing.time_left import Pace, TimeLeft, as_far_as_trained, as_shown, cost
from search.choosing.trial_notes import TrialNotes
from space.recipe import Recipe
from space.training.speed import Speed, Trainings
from tests.search.made_up import recipe

TRAINED = replace(recipe(), epochs=20)


def notes(training_s: float, epochs: int, *, given_up: bool) -> TrialNotes:
    return TrialNotes(
        values={},
        recipe=TRAINED,
        at_best=0.0,
        latency_s=1e-3,
        accuracy=0.6,
        feasible_value=None,
        training_s=training_s,
        epoch_accuracies=(0.5,) * epochs,
        given_up=given_up,
    )


def test_what_was_given_up_is_trained_anew_for_every_file() -> None:
    other_file = replace(TRAINED, quantization="dynamic_int8")
    ended, given_up = (TimeLeft(lambda: 1e6).pace([notes(60.0, epochs, given_up=epochs < 20)]) for epochs in (20, 5))
    assert ended.seconds(other_file) == ended.beside_s
    assert given_up.seconds(other_file) > given_up.beside_s + 60.0


def test_a_training_given_up_says_how_fast_its_epochs_were() -> None:
    ended, given_up = (
        TimeLeft(lambda: 1e6).pace([notes(3.0 * epochs, epochs, given_up=epochs < 20)]) for epochs in (20, 5)
    )
    assert given_up.trainings.seconds(TRAINED, 20) == pytest.approx(ended.trainings.seconds(TRAINED, 20), rel=0.2)


def test_epochs_that_round_are_counted_wherever_trainings_are_compared() -> None:
    rounded, pace = replace(TRAINED, aware_epochs=4), Pace()
    assert pace.training_s(rounded, 3) == pace.training_s(TRAINED, 7)
    assert cost(rounded, 3) == cost(TRAINED, 7)
    # It was given up before any of them.
    given_up = as_far_as_trained(rounded, (0.5,) * 9, given_up=True)
    assert (given_up.epochs, given_up.aware_epochs) == (9, 0)


def test_seconds_of_setting_up_are_no_part_of_the_epochs() -> None:
    """As on a GPU, where small networks take longer to begin than to train; all takes what was told."""
    told = Speed(set_up_s=4.0, layer_s=1e-6, value_s=1e-10, mac_s=1e-12, answer_s=1e-5)
    trainings = Trainings(speed=told, images=10_000)
    networks = [shaped(stem, last, (0, 3)) for stem, last in ((8, 16), (32, 16), (16, 64), (24, 128))]
    shown = as_shown(trainings, [(replace(network, epochs=3), trainings.seconds(network, 3)) for network in networks])
    for network in networks:
        assert shown.seconds(network, 100) == pytest.approx(trainings.seconds(network, 100), rel=0.02)


def shaped(stem: int, last: int, halvings: tuple[int, int]) -> Recipe:
    widths = (stem, 0, 0, stem, 0, 0, 32, 0, 0, 0, 0, 0, last, last)
    return recipe(widths=widths, halvings=halvings, epochs=10, distillation=0.0)


def test_a_network_takes_what_trainings_of_its_like_took() -> None:
    """The short passes had told half of what values cost."""
    told = Speed(layer_s=1e-6, value_s=1e-9, mac_s=1e-10, answer_s=1e-4)
    trainings = Trainings(speed=told, images=10_000)
    truth = replace(trainings, speed=replace(told, value_s=2e-9))
    # Values are what takes time before the image is halved, and multiply-accumulates are between wide layers.
    late, wide = (
        [shaped(stem, last, halvings) for stem, last in sizes]
        for halvings, sizes in (
            ((3, 6), ((8, 16), (32, 16), (16, 16), (24, 16))),
            ((0, 3), ((16, 512), (16, 1024), (8, 512), (16, 768))),
        )
    )
    timed = [(network, truth.seconds(network, 10)) for network in (*late[:3], *wide[:3])]
    # The first of them brought the teacher's answers as well.
    timed[0] = (replace(late[0], distillation=0.9), timed[0][1] + truth.teacher_s(10))
    shown = as_shown(trainings, timed)
    for next_network in (late[3], wide[3]):
        assert shown.seconds(next_network, 10) == pytest.approx(truth.seconds(next_network, 10), rel=0.1)
    # One ratio for all of them falls short of the networks that wait for memory.
    expected_s = sum(trainings.seconds(network, 10) for network, _ in timed) + trainings.teacher_s(10)
    ratio = sum(seconds for _, seconds in timed) / expected_s
    assert ratio * trainings.seconds(late[3], 10) < 0.85 * truth.seconds(late[3], 10)
    assert as_shown(trainings, []) == trainings
