"""Methods beside each other: rows, quotients, averages, and statements that hold or not."""

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from search.results.interval_figure import Figure, mean, weighted
from search.results.method_findings import _line, method_findings
from search.results.method_row import ENERGY, PACKED, PER_MB, PER_POINT, POINTS
from search.results.methods import methods
from tests.search.results import four_methods
from tests.search.results.four_methods import PARAMETERS, STUDY, UNPRUNED_MS, of_the_study


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory):
    table = methods(of_the_study(tmp_path_factory.mktemp("study")))
    assert table is not None
    return table


def test_all_21_rows_are_there_and_reach_their_sparsity(compared):
    assert len(compared.rows) == compared.asked == 21
    assert all(row.sparsity == pytest.approx(row.asked, abs=0.01) for row in compared.rows)
    assert compared.criteria == ["l1", "slimming", "weight_magnitude", "weight_random"]


def test_quotients_are_of_accuracy_energy_and_the_compressed_file(compared):
    row = compared.of("l1")[0]
    energy = compared.rows[0].row.mwh_per_2000 * 0.6
    megabytes = 3.7 * PARAMETERS * 0.6 / 1e6
    assert ENERGY.of(row).value == pytest.approx(energy)
    assert PACKED.of(row).value == pytest.approx(megabytes, rel=1e-6)
    points = row.accuracy.value
    assert PER_POINT.of(row).value == pytest.approx(energy / points)
    assert PER_MB.of(row).value == pytest.approx(energy / megabytes, rel=1e-6)
    assert POINTS.of(row).value == pytest.approx(points / megabytes, rel=1e-6)
    assert PER_POINT.of(row).ends[0] < PER_POINT.of(row).value < PER_POINT.of(row).ends[1]


def test_averages_stand_beside_the_published(compared):
    averages = {average.criterion: average for average in compared.averages}
    random = averages["weight_random"]
    rows = compared.of("weight_random")
    assert random.figures["points_per_mb"].value == pytest.approx(sum(POINTS.of(row).value for row in rows) / 5)
    published = {name: average.published.averages for name, average in averages.items()}
    assert [published[name]["mwh_per_2000_per_point"] for name in published] == [1.73, 1.11, 3.41, 21.94]
    assert [published[name]["points_per_mb"] for name in published] == [17.03, 22.98, 20.78, 3.79]
    headings, cells = compared.average_texts()
    assert headings[-2:] == ["published mWh/point", "published points/MB"]
    assert [row[-1] for row in cells] == ["17.0", "23.0", "20.8", "3.79"]


def test_the_published_statements_hold_or_not_each_with_figures(compared):
    lines = method_findings(compared)
    holds = {
        "unstructured pruning leaves latency unchanged": True,
        "unstructured pruning leaves energy unchanged": True,
        # Each of them falls with the parameters here.
        "slimming's size and energy reach a plateau": False,
        "size is linear": True,
        "energy is linear": True,
        "random pruning falls to chance": False,
        "slimming keeps its accuracy": True,
    }
    for statement, expected in holds.items():
        [line] = [line for line in lines if statement in line]
        assert line.startswith("holds: " if expected else "does not hold: "), line
        assert any(digit.isdigit() for digit in line.rpartition(statement)[2])
    # At 0.7 random weights still have a fifth.
    assert any("20.00 (" in line and "at 0.7" in line for line in lines)
    assert len(lines) == len(holds)


def test_wide_intervals_settle_nothing(tmp_path: Path):
    wide = {"latency_low_s": 5e-3, "latency_high_s": 15e-3, "relative_latency_ci": (0.5, 1.5)}
    lines = method_findings(methods(of_the_study(tmp_path / "store", **wide)))
    assert any(line.startswith("not settled: unstructured pruning leaves latency unchanged") for line in lines)


def test_energies_off_a_line_by_less_than_their_intervals_settle_nothing():
    along = [0.4, 0.5, 0.6, 0.7, 0.8]
    line = _line(along, [6.0, 5.0, 4.6, 3.0, 2.0])
    assert line.slope == pytest.approx(-10.0)
    assert line.farthest == pytest.approx(0.12)
    assert line.off[2] == pytest.approx(0.48)


def test_what_is_timed_dirty_settles_nothing_of_time(tmp_path: Path):
    compared = methods(of_the_study(tmp_path / "store", dirty=("others used 0.9 cores",)))
    assert compared is not None
    lines = method_findings(compared)
    assert any(line.startswith("not settled: unstructured pruning leaves latency and energy") for line in lines)
    _, cells = compared.average_texts()
    assert all(cell.endswith(" dirty") for row in cells for cell in row[3:5])
    assert not any("linear" in line or "plateau" in line for line in lines)
    assert any("random pruning falls" in line for line in lines)


def test_what_is_not_evaluated_yet_is_left_out(tmp_path: Path):
    points = STUDY.points()
    table = methods(of_the_study(tmp_path / "store", without=tuple(points[2:])))
    assert table is not None
    assert [row.point for row in table.rows] == points[:2]
    assert method_findings(table) == []
    assert methods(of_the_study(tmp_path / "one", without=(points[1],))) is not None


def test_a_grid_of_channels_has_no_methods(tmp_path: Path):
    grid = replace(STUDY, fraction_of="channels")
    assert methods(of_the_study(tmp_path / "store", grid)) is None


def test_records_are_json_with_every_figure(compared):
    content = json.loads(json.dumps(compared.as_dict()))
    assert len(content["rows"]) == 21
    assert len(content["averages"]) == 4
    assert {"accuracy_low", "mwh_per_2000", "points_per_mb", "file_mb", "sparsity"} <= content["rows"][3].keys()
    assert content["rows"][0]["latency_ms"] == UNPRUNED_MS


def test_errors_of_quotients_and_means_add_as_squares():
    first, second = Figure(10.0, (9.0, 11.0)), Figure(5.0, (4.8, 5.2))
    quotient = first.over(second)
    assert quotient.value == 2
    assert quotient.half == pytest.approx(2 * (0.1**2 + 0.04**2) ** 0.5)
    assert mean([first, first]).half == pytest.approx(1 / 2**0.5)
    # What is not known at all says nothing, and what is known badly little.
    unknown, badly = Figure(30.0, (0.0, math.inf)), Figure(20.0, (10.0, 30.0))
    assert weighted([first, first, unknown]) == weighted([first, first])
    assert 10.0 < weighted([first, badly]).value < 10.2
    assert weighted([first, badly]).half < first.half
    assert four_methods.UNPRUNED.architecture == "mobilenet_v2"
