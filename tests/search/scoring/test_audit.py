import io

import pytest
from rich.console import Console

from search.commands.outcome import print_results
from search.results.standings import standings
from search.scoring.audit import FITS, IMPOSSIBLE, UNEXPLAINED, audit
from tests.search.made_up import GOAL, distinct, evaluation, store_with


def test_energy_below_maximum_power_times_latency_fits():
    assert audit(3.577, 14.2, 4.845).verdict == FITS


def test_energy_at_the_maximum_power_fits_although_its_figures_are_rounded():
    assert audit(4.44, 4.44 * 4.2 * 1.04, 4.2).verdict == FITS


def test_energy_beyond_rounding_is_not_explained():
    assert audit(4.44, 4.44 * 4.2 * 1.06, 4.2).verdict == UNEXPLAINED


def test_what_is_not_explained_implies_a_power_or_a_wall_time():
    audited = audit(56.2127, 1260.3807, 4.37)
    assert audited.implied_power_w == pytest.approx(22.42, abs=0.01)
    assert audited.implied_wall_ms == pytest.approx(288.4, abs=0.1)
    assert audited.wall_multiple == pytest.approx(5.13, abs=0.01)


def test_energy_of_the_whole_script_is_not_explained_and_implies_the_loading_of_an_image():
    audited = audit(3.577, 28.12, 4.845)
    assert audited.verdict == UNEXPLAINED
    assert audited.implied_wall_ms - 3.577 == pytest.approx(2.23, abs=0.01)


def test_a_wall_time_that_allows_the_energy_leaves_it_unexplained_by_latency():
    assert audit(56.2, 1260, 4.37, wall_ms=300).verdict == UNEXPLAINED


def test_more_energy_than_maximum_power_takes_in_the_wall_time_is_impossible():
    audited = audit(56.2, 1260, 4.37, wall_ms=100)
    assert audited.verdict == IMPOSSIBLE
    assert audited.reason == "maximum power x wall time is 437 mJ"


def test_less_energy_than_idle_takes_in_the_latency_is_impossible():
    audited = audit(10, 10, 4, idle_power_w=1.9)
    assert audited.verdict == IMPOSSIBLE
    assert audited.reason == "idle power x latency is already 19 mJ"


def test_less_energy_than_idle_takes_in_the_wall_time_is_impossible():
    assert audit(10, 30, 4, idle_power_w=1.9).verdict == FITS
    assert audit(10, 30, 4, idle_power_w=1.9, wall_ms=20).verdict == IMPOSSIBLE


def test_idle_power_alone_is_possible_although_its_figures_are_rounded():
    assert audit(10, 18.5, 4, idle_power_w=1.9).verdict == FITS


def test_a_wall_time_below_the_latency_is_impossible():
    audited = audit(10, 30, 4, wall_ms=8)
    assert audited.verdict == IMPOSSIBLE
    assert audited.reason == "wall time of 8 ms is below the latency"


def test_nothing_is_impossible_without_a_wall_time_or_an_idle_power():
    assert audit(1, 1e6, 4).verdict == UNEXPLAINED
    assert audit(1e6, 1, 4).verdict == FITS


def test_every_ranking_says_so(tmp_path):
    odd = evaluation(latency_ms=2.0, made=distinct(1)[0], energy_j=10 * 2e-3)
    console = Console(width=250, record=True, file=io.StringIO())
    store = store_with(tmp_path, [odd])
    print_results(console, store, [standings(store, GOAL)])
    assert "rows is not explained by latency" in console.export_text()
