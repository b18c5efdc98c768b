"""One more objective is one more `Objective`: every table, picture and slide takes words and axis from it."""

import json
from dataclasses import replace

import pytest
from pptx import Presentation

from search.export.deck.decks import write_deck
from search.export.deck.front_slides import front_against
from search.export.deck.material import Cover, material
from search.export.deck.slide import new_deck
from search.export.html.page import page
from search.results.standings import standings
from search.results.wording import figure, line
from search.scoring.objectives import OBJECTIVES, Objective
from tests.search.made_up import GOAL, METERED, distinct, evaluation
from tests.search.settings.made_up_grid import with_trials

EDP = Objective(
    name="edp",
    title="lowest EDP",
    label="EDP",
    unit="nJs",
    axis="energy x delay per image, nJs",
    slide_axis="EDP (nJs)",
    spoken="{} nJs",
    origin="({})",
    shown=lambda row: row.energy_mj * row.latency_ms,
    shown_interval=lambda row: (
        row.energy_ci_mj[0] * row.latency_ci_ms[0],
        row.energy_ci_mj[1] * row.latency_ci_ms[1],
    ),
    metric="log10 of EDP",
    formula=lambda accuracy, latency, energy: latency * energy,
    slowest_s=lambda figure, accuracy, least_w: (figure / least_w) ** 0.5,
)


@pytest.fixture(autouse=True)
def edp(monkeypatch):
    monkeypatch.setitem(OBJECTIVES, "edp", EDP)


def test_every_picture_and_line_speaks_of_it(tmp_path):
    goal = replace(GOAL, objective="edp")
    rows = [
        evaluation(made=recipe, latency_ms=1.0 + seed, share=0.75 + seed / 100, energy_provenance=METERED)
        for seed, recipe in enumerate(distinct(3))
    ]
    store = with_trials(tmp_path / "store", rows, goal)
    ranking = standings(store, goal)
    assert ranking.best is not None
    best = ranking.row(ranking.best)
    assert figure(best, "edp") == "2.70 nJs (measured)"
    assert line(best, "edp").startswith("2.70 nJs (measured), 75.00 % validation, 1.00 ms, ")
    text = page(store, ranking)
    data = json.loads(text.split('id="data">')[1].split("</script>")[0])
    assert data["axes"]["edp"]["title"] == EDP.axis
    assert data["axes"]["edp"]["points"][0]["label"].startswith("best latency, energy, FoM, EDP: 2.70 nJs (measured)")
    assert "best latency, energy, FoM, EDP" in text.split("<tbody>")[-1]

    content = material(store, ranking, Cover())
    write_deck(tmp_path / "front.pptx", "front", content)
    slide = Presentation(str(tmp_path / "front.pptx")).slides[1]
    words = " ".join(shape.text_frame.text for shape in slide.shapes if shape.has_text_frame)
    assert "● Lowest EDP 2.70 nJs (measured)" in " ".join(words.split())

    deck = new_deck()
    front_against(EDP)(deck, content, "front")
    (chart,) = [shape.chart for shape in deck.slides[0].shapes if shape.has_chart]
    assert chart.category_axis.axis_title.text_frame.text.startswith("EDP (nJs)")
