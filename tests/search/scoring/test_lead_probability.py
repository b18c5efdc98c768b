"""What the stated probabilities are worth, in simulations with known truths; figures are logarithms, errors shares.

`tests/benchmarks/lead_probability.py` draws more.
"""

import math
import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest

from search.scoring.lead_probability import Estimate, best_probabilities, chances_to_beat_confirmed, shrunk

FASTER = math.log(1.05)
ERROR = 0.01
DRAWS = 40
Truths = Callable[[np.random.Generator], np.ndarray]


def estimates(figures, error=ERROR) -> list[Estimate]:
    errors = np.broadcast_to(error, len(figures))
    return [Estimate(float(figure), float(doubt)) for figure, doubt in zip(figures, errors, strict=True)]


def stated(truths: Truths, error=ERROR, seed: int = 0) -> float:
    """What is said of the winner by figure, on average."""
    generator = np.random.default_rng(seed)
    chances = []
    for _ in range(DRAWS):
        truth = truths(generator)
        chances.append(max(best_probabilities(estimates(truth + error * generator.normal(size=len(truth)), error))))
    return float(np.mean(chances))


@pytest.mark.parametrize("networks", [2, 10, 40])
def test_among_equals_the_winners_probability_is_their_share(networks: int) -> None:
    """Two intervals alone said 0.60 to 0.75 of every winner, of forty equals too."""
    assert abs(stated(lambda _: np.zeros(networks)) - 1 / networks) <= 0.1


def test_among_equals_of_which_some_are_known_better() -> None:
    error = np.linspace(0.005, 0.02, 10)
    assert abs(stated(lambda _: np.zeros(10), error) - 0.1) <= 0.1


@pytest.mark.parametrize("rivals", [5, 30])
def test_networks_far_behind_do_not_make_equals_look_different(rivals: int) -> None:
    def truths(generator: np.random.Generator) -> np.ndarray:
        return np.concatenate([np.zeros(5), -generator.uniform(0.2, 1.1, rivals)])

    assert abs(stated(truths) - 0.2) <= 0.1


@pytest.mark.parametrize("error", [0.005, 0.008])
def test_the_one_of_ten_that_is_5_percent_faster_is_seen(error: float) -> None:
    generator = np.random.default_rng(4)
    truth = np.array([FASTER, *[0.0] * 9])
    sure = sum(
        best_probabilities(estimates(truth + error * generator.normal(size=10), error))[0] >= 0.9 for _ in range(DRAWS)
    )
    assert sure >= 0.9 * DRAWS


@pytest.mark.parametrize("spread", [0.02, 0.05])
def test_of_truly_different_ones_what_is_stated_comes_true(spread: float) -> None:
    generator = np.random.default_rng(6)
    chances, truly = [], []
    for _ in range(100):
        truth = spread * generator.normal(size=12)
        chance = best_probabilities(estimates(seen := truth + ERROR * generator.normal(size=12)))
        chances.append(max(chance))
        truly.append(seen.argmax() == truth.argmax())
    # Of 100 shares near 0.7 the standard error is 0.045.
    assert abs(np.mean(chances) - np.mean(truly)) <= 0.1


def test_the_probabilities_of_all_add_up_and_order_does_not_matter() -> None:
    rivals = estimates([0.0, 0.01, -0.3, 0.02])
    chances = best_probabilities(rivals)
    assert sum(chances) == pytest.approx(1)
    assert chances[2] == 0
    assert best_probabilities(rivals[::-1])[::-1] == pytest.approx(chances)


def test_one_alone_is_the_best_and_none_is_none() -> None:
    assert best_probabilities(estimates([0.5])) == (1.0,)
    assert best_probabilities([]) == ()
    assert shrunk([]) == ()


def test_figures_without_error_are_taken_at_their_word() -> None:
    assert best_probabilities(estimates([0.0, 0.1, 0.05], 0.0)) == pytest.approx((0, 1, 0), abs=1e-6)


def test_the_winners_luck_is_taken_off() -> None:
    """Of forty equals the best figure is two errors ahead by luck alone."""
    generator = np.random.default_rng(7)
    lucky = shrunken = 0.0
    for _ in range(30):
        seen = ERROR * generator.normal(size=40)
        lucky += seen.max() / 30
        shrunken += max(estimate.log_figure for estimate in shrunk(estimates(seen))) / 30
    assert lucky > 2 * ERROR
    assert abs(shrunken) < 0.5 * ERROR


def test_what_is_truly_ahead_is_not_shrunk_away() -> None:
    (first, *_) = shrunk(estimates([0.1, *[0.0] * 9]))
    assert first.log_figure == pytest.approx(0.1, abs=0.01)


def test_an_equal_unconfirmed_network_may_beat_the_best_confirmed_one_and_a_slow_one_may_not() -> None:
    confirmed = estimates([0.0, -0.01], 0.005)
    equal, lucky, slow = chances_to_beat_confirmed(estimates([0.0, 0.02, -0.1]), confirmed)
    assert 0.05 < equal < lucky
    assert slow < 0.01
    assert chances_to_beat_confirmed(estimates([0.0]), []) == (1.0,)


def test_nothing_heavy_is_imported() -> None:
    code = "import sys, search.scoring.lead_probability; print({'numpy', 'scipy'} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
