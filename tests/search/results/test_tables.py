import csv
import io
import json
import math
from dataclasses import replace

import pandas as pd
import pytest

from search.export.table_files import frame, write_csv, write_json, write_md
from search.results import report
from search.results.column_table import columns
from search.results.columns import View
from search.results.standings import standings
from search.results.tables import ROWS, texts
from search.results.terminal import plain_console
from tests.search.made_up import GOAL, PREDICTED, distinct, evaluation, store_with
from tests.search.settings.made_up_grid import GRID, grid, with_trials

# A table's heading, the key of `rank --json`, and what one of its units is in the other's.
SAME = {
    "Average latency (ms)": ("latency_ms", 1),
    "Average energy (mJ)": ("energy_mj", 1),
    "Max memory (MB)": ("memory_mb", 1),
    "Max power (W)": ("max_power_w", 1),
    "Parameters": ("parameters", 1),
    "FoM": ("fom", 1),
    "Test accuracy (%)": ("test_accuracy", 100),
}


def table(ranking, name):
    """The table without what a file has beside it."""
    return frame(ROWS[View(name)](ranking), View(name))[[shown.title for shown in columns(View(name))]]


@pytest.fixture(scope="module")
def ranking(tmp_path_factory):
    return standings(with_trials(tmp_path_factory.mktemp("grid"), grid(), GRID), GRID)


def test_the_columns_are_those_that_the_course_asks_for(ranking):
    asked = ["Parameters", "Max memory (MB)", "Average latency (ms)", "Max power (W)", "Average energy (mJ)"]
    assert list(table(ranking, "m1").columns) == ["Pruned fraction", "Epochs", *asked]
    assert list(table(ranking, "m2").columns) == ["Pruned fraction", "Epochs", "Quantization", *asked]
    assert list(table(ranking, "m3").columns) == ["Test accuracy (%)", *asked[1:], "Framework", "FoM"]


def test_a_grids_tables_are_in_the_grids_order_below_the_unpruned_network(ranking):
    first = table(ranking, "m1")
    assert list(first["Pruned fraction"])[:5] == ["0.00", "0.05", "0.05", "0.05", "0.25"]
    assert list(first["Epochs"])[1:4] == [0, 3, 5]
    second = table(ranking, "m2")
    assert list(second["Quantization"]) == ["fp32"] + ["dynamic uint8"] * 15 + ["static int8"] * 15


def test_figures_are_those_of_rank_json(tmp_path):
    recipes = distinct(3)
    evaluations = [evaluation(seed, latency_ms=1 + seed, test=0.74, made=recipes[seed]) for seed in range(3)]
    ranking = standings(store_with(tmp_path, evaluations), GOAL)
    json_rows = [*ranking.as_dict()["ranking"], ranking.as_dict()["baseline"]]
    for shown, rows in ((table(ranking, "front"), json_rows), (table(ranking, "m3"), [json_rows[0], json_rows[-1]])):
        for heading in set(shown.columns) & set(SAME):
            key, unit = SAME[heading]
            expected = [None if row[key] is None else unit * row[key] for row in rows]
            assert [None if pd.isna(value) else value for value in shown[heading]] == expected, heading


def test_what_is_not_known_is_a_dash_and_never_a_number(ranking):
    row = replace(ranking.rows[0], energy_mj=None, fom=math.nan, max_power_w=None)
    assert frame([row], View.M3).loc[0, ["Average energy (mJ)", "FoM"]].tolist() == [None, None]
    _, [cells] = texts([row], columns(View.M3))
    assert (cells[3], cells[4], cells[6]) == ("–", "–", "–")


def test_headings_say_estimated_and_a_cell_says_what_differs(ranking):
    rows = ranking.rows[:3]
    odd = replace(rows[0], energy_provenance=PREDICTED)
    headings, cells = texts([odd, *rows[1:]], columns(View.M1))
    assert headings[-1] == "Average energy (mJ), estimated"
    assert cells[0][-1].endswith(" predicted")
    assert cells[1][-1].replace(".", "").isdigit()


def test_accuracy_on_validation_is_never_called_test(ranking):
    _, cells = texts(ranking.rows[:1], columns(View.M3))
    assert cells[0][0].endswith(" val.")
    assert table(ranking, "m3")["Test accuracy (%)"].tolist() == [None, None]


def test_a_csv_has_figures_in_full_and_where_they_come_from(ranking, tmp_path):
    write_csv(tmp_path / "table1.csv", ranking, "m1")
    rows = list(csv.DictReader((tmp_path / "table1.csv").read_text().splitlines()))
    assert len(rows) == 16
    assert float(rows[0]["Average latency (ms)"]) == ranking.rows[-1].latency_ms
    assert rows[0]["Energy is"].startswith("estimated")
    assert (rows[0]["Data"], rows[0]["Bench"]) == ("builtin", ranking.bench.title)


def test_a_json_has_the_study_the_bench_and_the_rows(ranking, tmp_path):
    write_json(tmp_path / "table2.json", ranking, "m2")
    content = json.loads((tmp_path / "table2.json").read_text())
    assert content["study"] == GRID.id
    assert len(content["rows"]) == 31
    assert any("not CIFAR-10" in text for text in content["provenance"])


def test_markdown_has_the_contest_that_is_entered_in_bold(ranking, tmp_path):
    write_md(tmp_path / "table1.md", ranking, "m1")
    lines = [line for line in (tmp_path / "table1.md").read_text().splitlines() if line.startswith("|")]
    assert len(lines) == 2 + 16
    for line in (lines[0], *lines[2:]):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        assert [cell.startswith("**") for cell in cells] == [False] * 4 + [True, False, False]


@pytest.mark.parametrize(("width", "titles"), [(64, "faster"), (100, "what"), (250, "parameters")])
def test_a_narrow_terminal_leaves_out_whole_columns(ranking, width, titles):
    """No figure and no id is cut: the last column alone, which holds words."""
    drawn = io.StringIO()
    plain_console(file=drawn, width=width).print(report.table(ranking, 3, width))
    head, *rows = drawn.getvalue().splitlines()
    assert titles in head
    assert len(head.rstrip()) <= width
    cut = head.find("what") if "what" in head else width
    assert not [row for row in rows if "…" in row[:cut]]
