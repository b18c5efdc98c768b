"""What is written of a grid of methods: the deck with seven charts, the picture, the page, tables."""

import csv
import json
import re
from io import StringIO
from pathlib import Path

import pytest
from pptx import Presentation

from search.commands.export import usual_deck
from search.export.deck.decks import write_deck
from search.export.deck.material import Cover, material
from search.export.html.page import page
from search.export.method_drawings import DRAWINGS
from search.export.method_figure import method_figure, write_method_figure
from search.export.table_files import write_csv, write_json, write_md
from search.results.methods import METHODS
from search.results.standings import Standings, standings
from search.store.store import Store
from space.errors import RequestError
from tests.search.results import four_methods, two_criteria


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return four_methods.store_of(tmp_path_factory.mktemp("study") / "store")


@pytest.fixture(scope="module")
def study(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Standings:
    return four_methods.of_the_study(tmp_path_factory.mktemp("again") / "store")


def test_the_deck_has_all_rows_seven_charts_and_what_they_show(tmp_path: Path, store: Store, study: Standings) -> None:
    assert usual_deck(study) == METHODS
    write_deck(tmp_path / "deck.pptx", METHODS, material(store, study, Cover(None, "", "")))
    slides = list(Presentation(str(tmp_path / "deck.pptx")).slides)
    shapes = [shape for slide in slides for shape in slide.shapes]
    charts = [shape.chart for shape in shapes if shape.has_chart]
    assert len(charts) == len(DRAWINGS) == 7
    # Four methods and the unpruned network; sizes have a second line of each.
    assert sorted(len(list(chart.series)) for chart in charts) == [5] * 6 + [9]
    tables = [shape.table for shape in shapes if shape.has_table]
    assert sum(len(table.rows) - 1 for table in tables) == 21 + 4
    texts = "\n".join(shape.text_frame.text for shape in slides[-1].shapes if shape.has_text_frame)
    assert "Holds: unstructured pruning leaves latency unchanged" in texts
    assert "Does not hold: slimming's size and energy reach a plateau" in texts


def test_the_picture_has_seven_panels_with_a_line_for_each_method(store: Store, study: Standings) -> None:
    figure = method_figure(store, study)
    panels = [axes for axes in figure.axes if axes.get_title(loc="left")]
    assert [axes.get_title(loc="left") for axes in panels] == [drawing.title for drawing in DRAWINGS]
    for axes in panels:
        assert len(axes.containers) == 4
    [accuracy] = [axes for axes in panels if axes.get_title(loc="left").startswith("Accuracy by")]
    line = accuracy.containers[0].lines[0]
    assert [round(float(x), 1) for x in line.get_xdata()] == [0.4, 0.5, 0.6, 0.7, 0.8]


def test_a_study_of_channels_has_no_such_picture(tmp_path: Path) -> None:
    other = two_criteria.store_of(tmp_path / "store")
    with pytest.raises(RequestError, match="fractions are of channels"):
        write_method_figure(tmp_path / "p.png", ".png", other, standings(other, two_criteria.goal_of()))


def test_the_page_has_the_picture_the_tables_and_the_statements(store: Store, study: Standings) -> None:
    text = page(store, study)
    assert re.search(r"img-src data:", text)
    assert '<img class="methods" src="data:image/svg+xml;base64,' in text
    assert "weight_random" not in text.partition("All candidates")[0]
    assert text.count("<td class=text>random weights</td>") == 6
    assert "does not hold: slimming&#x27;s size and energy reach a plateau" in text


def test_tables_as_files_have_every_row_the_averages_and_the_statements(tmp_path: Path, study: Standings) -> None:
    assert write_csv(tmp_path / "t.csv", study, METHODS) == 21
    rows = list(csv.DictReader(StringIO((tmp_path / "t.csv").read_text())))
    assert {row["energy_is"] for row in rows} == {"estimated"}
    assert write_json(tmp_path / "t.json", study, METHODS) == 21
    content = json.loads((tmp_path / "t.json").read_text())
    assert len(content["averages"]) == 4
    assert len(content["findings"]) == 7
    assert write_md(tmp_path / "t.md", study, METHODS) == 21
    text = (tmp_path / "t.md").read_text()
    assert text.count("\n| magnitude") == 6
    assert "- holds: unstructured pruning leaves latency unchanged" in text
