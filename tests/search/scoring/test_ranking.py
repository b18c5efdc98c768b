import math
from dataclasses import replace

import pytest

from evaluators.provenance import Provenance
from search.scoring.objectives import OBJECTIVES
from search.scoring.ranking import estimate, feasible, leading, networks, ranking
from search.store.evaluation import Evaluation
from search.store.goal import Goal
from tests.search.made_up import GOAL, evaluation, recipe

LATENCY = replace(GOAL, objective="latency")
ENERGY = replace(GOAL, objective="energy")


def order(evaluations, goal: Goal):
    return [result.candidate.recipe.seed for result in leading(evaluations, goal)]


def test_the_fastest_leads_a_latency_study():
    assert order([evaluation(0, latency_ms=2), evaluation(1, latency_ms=1)], LATENCY) == [1, 0]


def test_the_highest_fom_leads_although_a_less_accurate_one_is_nearly_as_good():
    assert order([evaluation(0, share=0.80, latency_ms=1.0), evaluation(1, share=0.79, latency_ms=0.999)], GOAL)[0] == 0
    assert order([evaluation(0, share=0.80, latency_ms=1.0), evaluation(1, share=0.79, latency_ms=0.9)], GOAL)[0] == 1


def test_of_close_latencies_the_more_accurate_comes_first():
    close = [evaluation(0, share=0.75, latency_ms=1.0), evaluation(1, share=0.80, latency_ms=1.019)]
    assert order(close, LATENCY) == [1, 0]


def test_two_percent_is_close_and_three_is_not():
    apart = [evaluation(0, share=0.75, latency_ms=1.0), evaluation(1, share=0.80, latency_ms=1.03)]
    assert order(apart, LATENCY) == [0, 1]


def test_a_wide_interval_of_the_best_widens_the_tie():
    wide = [evaluation(0, share=0.75, latency_ms=1.0, spread=0.05), evaluation(1, share=0.80, latency_ms=1.03)]
    assert order(wide, LATENCY) == [1, 0]


def test_below_a_tie_the_ranking_goes_on_with_the_next_tie():
    rows = [
        evaluation(0, share=0.72, latency_ms=1.00),
        evaluation(1, share=0.80, latency_ms=1.01),
        evaluation(2, share=0.75, latency_ms=1.50),
        evaluation(3, share=0.78, latency_ms=1.52),
    ]
    assert order(rows, LATENCY) == [1, 0, 3, 2]


def test_validation_must_hold_the_line_with_the_margin():
    assert feasible(evaluation(share=0.72), GOAL)
    assert not feasible(evaluation(share=0.719), GOAL)


def test_once_confirmed_only_test_counts_and_without_a_margin():
    assert feasible(evaluation(share=0.60, test=0.70), GOAL)
    assert not feasible(evaluation(share=0.90, test=0.6999), GOAL)


def test_a_dirty_row_is_shown_and_never_leads():
    rows = [evaluation(0, latency_ms=1, dirty=("throttled",)), evaluation(1, latency_ms=2)]
    assert order(rows, LATENCY) == [1]
    assert [result.candidate.recipe.seed for result in ranking(rows, LATENCY)] == [1, 0]


def test_infeasible_rows_come_last_the_nearest_miss_first():
    rows = [evaluation(0, share=0.5), evaluation(1, share=0.71), evaluation(2, share=0.8)]
    assert [result.candidate.recipe.seed for result in ranking(rows, GOAL)] == [2, 1, 0]


@pytest.mark.parametrize("goal", [ENERGY, GOAL])
def test_energies_of_different_provenance_are_never_ranked_together(goal):
    rows = [
        evaluation(0, latency_ms=1, energy_provenance=Provenance.parse("estimated (power model)")),
        evaluation(1, latency_ms=2, energy_provenance=Provenance.parse("measured (SmartPower2)")),
        evaluation(2, latency_ms=0.5, energy_provenance=Provenance.parse("predicted (this bench)")),
    ]
    assert order(rows, goal) == [1]
    assert order(rows[::2], goal) == [0]
    assert order(rows[2:], goal) == []


@pytest.mark.parametrize("goal", ["energy", "fom"])
def test_energies_of_two_protocols_are_never_ranked_together(goal):
    rows = [
        evaluation(0, latency_ms=1, energy_provenance=Provenance.parse("measured (SmartPower2, whole script)")),
        evaluation(1, latency_ms=2, energy_provenance=Provenance.parse("measured (SmartPower2)")),
        evaluation(2, latency_ms=3, energy_provenance=Provenance.parse("measured (SmartPower2)")),
    ]
    assert leading(rows, replace(GOAL, objective=goal)) == rows[1:]


def test_provenance_of_energy_does_not_matter_to_latency():
    rows = [
        evaluation(0, latency_ms=1, energy_provenance=Provenance.parse("estimated (power model)")),
        evaluation(1, latency_ms=2, energy_provenance=Provenance.parse("measured (SmartPower2)")),
    ]
    assert order(rows, LATENCY) == [0, 1]


def given_up(result: Evaluation) -> Evaluation:
    return replace(result, candidate=replace(result.candidate, projected=0.6))


def test_a_gated_candidate_is_not_ranked():
    assert order([given_up(evaluation(0, latency_ms=1)), evaluation(1, latency_ms=2)], LATENCY) == [1]


def test_an_estimate_s_error_follows_from_its_interval():
    latency, fom = OBJECTIVES["latency"], OBJECTIVES["fom"]
    row = evaluation(0, latency_ms=1.0, spread=0.0196)
    assert estimate(row, latency).log_figure == pytest.approx(math.log(10))
    assert estimate(row, latency).standard_error == pytest.approx(0.01, rel=0.01)
    # A FoM hangs on latency twice, as energy is estimated from it, and on the accuracy of 1,000 images.
    images = math.sqrt(0.75 * 0.25 / 1000) / 0.75
    assert estimate(row, fom).standard_error == pytest.approx(math.hypot(0.02, images), rel=0.01)
    # The contest takes the accuracy on test as it is.
    assert estimate(evaluation(0, spread=0.0196, test=0.75), fom).standard_error == pytest.approx(0.02, rel=0.01)


def test_once_one_is_confirmed_the_others_stand_below():
    rows = [evaluation(0, latency_ms=0.9), evaluation(1, latency_ms=1.0, test=0.75), evaluation(2, latency_ms=0.8)]
    assert order(rows, LATENCY) == [1]
    assert [row.candidate.recipe.seed for row in ranking(rows, LATENCY)] == [1, 2, 0]


def test_a_noisy_row_that_is_not_confirmed_makes_no_tie_of_confirmed_ones():
    rows = [
        evaluation(0, share=0.75, test=0.73, latency_ms=1.2),
        evaluation(1, share=0.75, test=0.72, latency_ms=1.0),
        evaluation(2, share=0.75, latency_ms=0.9, spread=1.0),
    ]
    assert order(rows, LATENCY) == [1, 0]


def test_one_that_fails_on_test_keeps_nobody_from_leading():
    rows = [evaluation(0, latency_ms=0.9), evaluation(1, latency_ms=1.0, test=0.65)]
    assert order(rows, LATENCY) == [0]


def test_settings_of_one_network_are_one_network():
    rows = [
        evaluation(latency_ms=1.0, made=recipe(threads=1)),
        evaluation(latency_ms=0.9, made=recipe(threads=2)),
        evaluation(latency_ms=1.1, made=recipe(threads=2, spinning=True), test=0.75),
        evaluation(latency_ms=2.0, made=recipe(seed=1)),
    ]
    assert [row.current.latency_s for row in networks(rows, OBJECTIVES["latency"])] == pytest.approx([1.1e-3, 2e-3])


def test_a_reference_known_too_badly_to_say_makes_not_everybody_equal():
    """The network that took nine times as long led, as the more accurate one of a tie without an end."""
    unknown = {"relative_latency_ci": (0.0, math.inf), "relative_energy_ci": (0.0, math.inf)}
    fast = evaluation(0, latency_ms=1.0, share=0.75, **unknown)
    slow = evaluation(1, latency_ms=9.0, share=0.89, **unknown)
    assert leading([slow, fast], replace(GOAL, objective="latency")) == [fast, slow]


def test_without_a_line_a_network_with_no_right_answer_is_no_contender():
    """The logarithm of its FoM ended every reading command."""
    goal = replace(GOAL, minimum_accuracy=0.0, margin=0.0)
    wrong, right = evaluation(0, share=0.0), evaluation(1, share=0.5)
    assert leading([wrong, right], goal) == [right]


def test_a_reference_known_badly_makes_no_tie_of_networks_that_are_known_well():
    """Of 1 and 3 ms, each known to half a per cent, over a reference known to 70 %."""
    unsure = {"relative_latency_ci": (0.03, 0.5)}
    rows = [evaluation(0, share=0.75, latency_ms=1.0, **unsure), evaluation(1, share=0.78, latency_ms=3.0, **unsure)]
    assert order(rows, LATENCY) == [0, 1]
