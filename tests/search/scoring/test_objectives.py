import math
import random
from dataclasses import replace

import pytest

from search.scoring.objectives import OBJECTIVES
from search.scoring.ranking import estimate
from tests.search.made_up import evaluation, figures

# What all of these figures are over.
REFERENCE = figures(10.0, reference_latency_s=None, reference_energy_j=None)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_nothing_slower_than_the_slowest_reaches_the_figure(name):
    """Whatever power above idle a board takes."""
    objective, draw = OBJECTIVES[name], random.Random(0)
    for _ in range(200):
        share, idle_w = draw.uniform(0.1, 1), draw.uniform(0.5, 4)
        lead = objective.figure(0.8, figures(draw.uniform(0.05, 50)))
        slowest = objective.slowest_beside(REFERENCE, lead, share, idle_w)
        slower = slowest * draw.uniform(1.0001, 3)
        slower_figures = figures(1e3 * slower, energy_j=slower * idle_w * draw.uniform(1, 3))
        assert objective.better(lead, objective.figure(share, slower_figures))


@pytest.mark.parametrize("name", OBJECTIVES)
def test_at_the_slowest_an_idle_board_just_reaches_the_figure(name):
    objective = OBJECTIVES[name]
    lead = objective.figure(0.8, figures(2.0))
    slowest = objective.slowest_beside(REFERENCE, lead, 0.75, 1.9)
    assert objective.figure(0.75, figures(1e3 * slowest, energy_j=slowest * 1.9)) == pytest.approx(lead)


def test_an_interval_that_begins_at_zero_tells_nothing_and_is_no_fault():
    objective = OBJECTIVES["fom"]
    result = evaluation(share=0.8, latency_ms=1.0)
    unsure = replace(result, figures=replace(result.figures, latency_low_s=0.0, energy_low_j=0.0))
    low, high = objective.interval(0.8, unsure.current)
    assert (low > 0, high) == (True, math.inf)
    assert math.isinf(estimate(unsure, objective).standard_error)
