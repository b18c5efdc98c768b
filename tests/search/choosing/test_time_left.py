from dataclasses import replace

import pytest

from search.choosing.time_left import TimeLeft
from search.choosing.trial_notes import TrialNotes
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
    assert given_up.ratio == pytest.approx(ended.ratio, rel=0.2)
