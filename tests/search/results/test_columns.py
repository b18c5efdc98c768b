"""The one table of columns, from which every table prints."""

import csv
import io
from dataclasses import replace

import pytest

from search.export.html.page import page
from search.export.table_files import write_csv, write_md
from search.results import column_table
from search.results.columns import Column, View, at
from search.results.report import grid_table, results_console, table
from search.results.standings import standings
from search.settings.grid import Grid
from tests.search.made_up import GOAL, distinct, evaluation, store_with
from tests.search.settings.made_up_grid import GRID

TITLE = "million MACs"
ONE_POINT = replace(GRID, grid=Grid(fractions=(0.5,), epochs=(0,), quantizations=("none",)).to_json())


@pytest.mark.parametrize("view", View)
def test_no_two_columns_of_a_view_stand_in_one_place(view):
    places = [shown.spot.place for shown in column_table.columns(view)]
    assert places == sorted(set(places))


def test_a_new_column_is_one_entry_and_every_table_prints_it(tmp_path, monkeypatch):
    macs = Column(
        value=lambda row: row.macs / 1e6,
        text=lambda millions: f"{millions:.4f}",
        shown=at(45, TITLE, *View),
    )
    monkeypatch.setattr(column_table, "COLUMNS", (*column_table.COLUMNS, macs))
    store = store_with(tmp_path / "store", [evaluation(made=distinct(1)[0])])
    ranking = standings(store, GOAL)
    for drawn in (table(ranking, 1), grid_table(standings(store_with(tmp_path / "grid", [], ONE_POINT), ONE_POINT))):
        console = results_console()
        with console.capture() as captured:
            console.print(drawn)
        assert TITLE in captured.get()
        assert "0.0020" in captured.get()
    assert f'<button type="button">{TITLE}</button>' in page(store, ranking)
    assert 'data-value="0.002">0.0020</td>' in page(store, ranking)
    for deck in ("m1", "m2", "m3", "front"):
        write_csv(tmp_path / "table.csv", ranking, deck)
        first, *_ = csv.DictReader(io.StringIO((tmp_path / "table.csv").read_text()))
        assert first[TITLE] == "0.002"
        write_md(tmp_path / "table.md", ranking, deck)
        assert "| 0.0020 |" in (tmp_path / "table.md").read_text()
