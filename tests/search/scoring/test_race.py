"""A race of two: named is the right one, and equals are told from each other in at most 5 % of races."""

import math

import numpy as np
import pytest
from scipy.stats import t

from search.scoring.race import _LOOKS, MOST_PAIRS, Race, Verdict


def run_races(apart, draw, least_spread=0.0, races=500):
    """How many name the first, and the second."""
    verdicts = []
    for _ in range(races):
        ratios = apart + draw(MOST_PAIRS) - draw(MOST_PAIRS)
        race = Race(least_spread=least_spread)
        while race.pairs_to_time:
            for ratio in ratios[len(race.log_ratios) :][: race.pairs_to_time]:
                race = race.with_pair(float(ratio))
        verdicts.append(race.verdict)
    return verdicts.count(Verdict.FIRST), verdicts.count(Verdict.SECOND)


def noise(kind, spread, seed=12):
    """The noise of a process: normal, or Student's t with three degrees of freedom of the same standard deviation."""
    generator = np.random.default_rng(seed)
    if kind == "normal":
        return lambda count: generator.normal(0, spread, count)
    return lambda count: spread / math.sqrt(3) * generator.standard_t(3, count)


NOISES = [("normal", 0.01), ("normal", 0.015), ("heavy tails", 0.01), ("heavy tails", 0.015)]


@pytest.mark.parametrize(("kind", "spread"), NOISES)
def test_a_race_of_equals_names_one_in_at_most_5_percent(kind, spread):
    assert sum(run_races(0.0, noise(kind, spread))) <= 0.05 * 500


@pytest.mark.parametrize(("kind", "spread"), NOISES)
def test_a_race_of_half_a_percent_names_the_wrong_one_in_at_most_5_percent(kind, spread):
    _, wrong = run_races(0.005, noise(kind, spread))
    assert wrong <= 0.05 * 500


@pytest.mark.parametrize("least_spread", [0.0, 0.015])
@pytest.mark.parametrize(("kind", "spread"), NOISES)
def test_a_race_of_3_percent_names_the_right_one_in_at_least_90_percent(kind, spread, least_spread):
    right, _ = run_races(0.03, noise(kind, spread), least_spread)
    assert right >= 0.9 * 500


def test_the_quantiles_of_the_looks_are_students_and_their_levels_are_within_5_percent():
    assert sum(look.level for look in _LOOKS) <= 0.05
    for look in _LOOKS:
        assert look.quantile == pytest.approx(t.ppf(1 - look.level / 2, look.pairs - 1), abs=1e-4)


def test_a_race_says_how_many_pairs_to_time_and_keeps_its_verdict():
    race = Race()
    assert race.pairs_to_time == 4
    race = race.with_pair(0.05).with_pair(0.051)
    assert (race.verdict, race.pairs_to_time) == (Verdict.UNDECIDED, 2)
    race = race.with_pair(0.049).with_pair(0.05)
    assert (race.verdict, race.pairs_to_time) == (Verdict.FIRST, 0)
    assert Race((*race.log_ratios, -1.0, -1.0)).verdict is Verdict.FIRST
    assert Race((-0.05, -0.051, -0.049, -0.05)).verdict is Verdict.SECOND


def test_a_race_that_stays_undecided_ends():
    race = Race(tuple([0.01, -0.01] * 6))
    assert (race.verdict, race.pairs_to_time) == (Verdict.UNDECIDED, 0)
    assert Race((0.0,) * 12).verdict is Verdict.UNDECIDED


def test_four_alike_by_chance_do_not_decide_below_the_known_spread():
    alike = (0.004, 0.0041, 0.004, 0.0041)
    assert Race(alike).verdict is Verdict.FIRST
    assert Race(alike, least_spread=0.01).verdict is Verdict.UNDECIDED
