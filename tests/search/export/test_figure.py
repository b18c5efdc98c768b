"""The front as a picture: what it shows, and that nobody's name covers another's."""

import itertools
import sys
import xml.etree.ElementTree as tree
from dataclasses import replace

import pytest
from PIL import Image

from search.__main__ import main
from search.commands.exit_status import OK
from search.export.figure import front_figure, style
from search.export.figure_labels import label_box
from search.export.scatter import APART, BASELINE, DOMINATED, FRONT, scatter
from search.results.basis import basis
from search.results.standings import standings
from search.scoring.objectives import OBJECTIVES
from tests.search.landscape import METERED, landscape
from tests.search.made_up import BENCH, GOAL, distinct, evaluation, store_with


def drawn(store, goal):
    ranking = standings(store, goal)
    with style():
        return ranking, front_figure(ranking, scatter(ranking, OBJECTIVES["latency"]), basis(store, ranking))


def test_each_point_has_one_role_and_the_front_is_of_those_that_may_be_compared(tmp_path):
    recipes = distinct(4)
    known = [
        evaluation(share=0.80, latency_ms=2.0, made=recipes[0]),
        evaluation(share=0.75, latency_ms=3.0, made=recipes[1]),
        evaluation(share=0.95, latency_ms=0.5, made=recipes[2], dirty=("throttled",)),
        evaluation(share=0.60, latency_ms=1.0, made=recipes[3]),
    ]
    ranking = standings(store_with(tmp_path, known), GOAL)
    shown = scatter(ranking, OBJECTIVES["latency"])
    roles = {round(point.value, 6): point.role for point in shown.points}
    assert roles == {2.0: FRONT, 3.0: DOMINATED, 0.5: APART, 1.0: FRONT, 10.0: BASELINE}
    assert [round(point.value, 6) for point in shown.front] == [1.0, 2.0, 10.0]
    assert {point.value: point.wins for point in shown.points if point.wins} == {2.0: ("latency", "energy", "fom")}


def test_energies_of_another_provenance_stand_apart_where_energy_counts(tmp_path):
    store, goal = landscape(tmp_path, 30, metered=True)
    ranking = standings(store, goal)
    for name in ("energy", "fom"):
        shown = scatter(ranking, OBJECTIVES[name])
        assert shown.provenance == METERED
        assert {point.row.energy_provenance for point in shown.points if point.role in (FRONT, DOMINATED)} == {METERED}
        assert shown.front
    assert not any("energy" in point.why for point in scatter(ranking, OBJECTIVES["latency"]).points)


@pytest.mark.parametrize("count", [0, 1, 3, 40, 300])
def test_labels_lie_inside_and_apart(tmp_path, count):
    store, goal = landscape(tmp_path, count)
    ranking = standings(store, goal)
    shown = scatter(ranking, OBJECTIVES["latency"])
    with style():
        figure = front_figure(ranking, shown, basis(store, ranking))
        (axes,) = figure.axes
        renderer = figure.canvas.get_renderer()
        inside = axes.get_window_extent(renderer)
        labels = [text for text in axes.texts if text.get_text()]
        boxes = [label_box(label, renderer) for label in labels]
    assert len(labels) == 1 + sum(bool(point.wins) for point in shown.points)
    assert not any(first.overlaps(second) for first, second in itertools.combinations(boxes, 2))
    assert all(inside.x0 <= box.x0 and box.x1 <= inside.x1 and inside.y0 <= box.y0 for box in boxes)


def test_a_long_name_stays_on_the_picture_and_its_dollars_are_no_formula(tmp_path):
    bench = replace(BENCH, board="Raspberry Pi 3 Model B Plus " * 4 + "at $5 or $6")
    store, goal = landscape(tmp_path, 5, bench=bench)
    _, figure = drawn(store, goal)
    renderer = figure.canvas.get_renderer()
    for text in figure.texts:
        box = text.get_window_extent(renderer)
        assert box.x0 >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y0 >= 0, text.get_text()
    assert "at $5 or $6" in figure.texts[0].get_text().replace("\n", " ")


def test_what_every_figure_rests_on_stands_below_it(tmp_path):
    store, goal = landscape(tmp_path, 5)
    _, figure = drawn(store, goal)
    words = " ".join(text.get_text() for text in figure.texts).replace("\n", " ")
    for word in ("Test board", "ONNX Runtime 1.0", "built-in", "estimated", "95 %", "protocol 1", "not a board", "20"):
        assert word in words


@pytest.mark.parametrize("ending", [".png", ".svg", ".pdf"])
def test_the_file_is_what_its_ending_says(tmp_path, monkeypatch, capsys, ending):
    landscape(tmp_path / "store", 12)
    path = tmp_path / f"front{ending}"
    monkeypatch.setattr(sys, "argv", ["search", "export", "--to", str(path), "--store", str(tmp_path / "store")])
    assert main() == OK
    assert "12 candidates" in capsys.readouterr().out
    if ending == ".png":
        with Image.open(path) as picture:
            assert picture.size == (2000, 1250)
    elif ending == ".svg":
        assert tree.parse(path).getroot().tag.endswith("svg")
    else:
        assert path.read_bytes().startswith(b"%PDF")
