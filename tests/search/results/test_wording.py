"""What no meter measured is marked wherever it is printed, and a search without a meter speaks of latency first."""

import csv
import json
import re
from dataclasses import replace

import pytest
from pptx import Presentation

from evaluators.provenance import Kind, Provenance
from search.commands.outcome import print_results
from search.export.deck.decks import write_deck
from search.export.deck.material import Cover, material
from search.export.html.page import page
from search.export.table_files import write_csv, write_json, write_md
from search.results.basis import basis
from search.results.findings import findings
from search.results.report import results_console
from search.results.rows import Row
from search.results.standings import Standings, standings
from search.results.wording import ONE_CONTEST, fom_gain, gain, line, training_text
from search.running.trial_lines import trial_line
from search.store.store import Store
from space.networks.mobilenet_v1.shape import HALVINGS, WIDTHS
from space.recipe import Recipe
from tests.search.made_up import GOAL, PREDICTED, distinct, evaluation, statements
from tests.search.settings.made_up_grid import with_trials

METERED = Provenance(Kind.MEASURED, "a meter")
ESTIMATED = Provenance(Kind.ESTIMATED, "power model")
# The gain of the one candidate: ten times as fast as the baseline, with 75 instead of 90 % of answers right.
GAIN = "83.3 x"


@pytest.fixture(params=[ESTIMATED, METERED], ids=["estimated", "measured"])
def provenance(request) -> Provenance:
    return request.param


@pytest.fixture
def store(tmp_path, provenance) -> Store:
    filled = with_trials(tmp_path / "store", [evaluation(made=distinct(1)[0], energy_provenance=provenance)])
    # The baseline's energy is of the same kind.
    with statements(filled) as execute:
        text = json.dumps(str(ESTIMATED))
        execute(
            "UPDATE search_structures SET figures = REPLACE(figures, :old, :new)",
            {"old": text, "new": json.dumps(str(provenance))},
        )
    return filled


@pytest.fixture
def ranking(store) -> Standings:
    return standings(store, GOAL)


@pytest.fixture
def row(ranking) -> Row:
    return ranking.row(ranking.ranked[0])


def unmarked(text: str) -> int:
    return text.count(GAIN) - marked(text)


def marked(text: str) -> int:
    """How often the gain is marked, with its interval where there is room for one."""
    return len(re.findall(rf"{re.escape(GAIN)}(?: ±[\d.]+ %)? est\.", text))


def right(text: str, provenance: Provenance) -> bool:
    """The gain is there, with a mark or without one, as it has to be."""
    return bool(unmarked(text)) == (provenance == METERED) and bool(marked(text)) == (provenance != METERED)


def test_the_ranking_and_its_best_line_mark_the_gain(store, ranking, provenance, capsys):
    print_results(results_console(), store, [ranking])
    lines = capsys.readouterr().out.splitlines()
    leader, best = (next(text for text in lines if text.startswith(begin)) for begin in ("1 ", "best fom: "))
    assert right(leader, provenance)
    assert right(best, provenance)
    assert (ONE_CONTEST in lines) is (provenance != METERED)


def test_a_trials_line_marks_the_gain(ranking, provenance):
    assert right(trial_line("trial   3", ranking.ranked[0], ranking, 5.0), provenance)


def test_the_page_marks_the_gain(store, ranking, provenance):
    text = page(store, ranking)
    cell = re.search(rf'<td data-value="[\d.]+">({re.escape(GAIN)}[^<]*)</td>', text)
    assert cell
    assert right(cell[1], provenance)
    best = re.search(r'<p class="best">(.*?)</p>', text)
    assert best
    assert right(best[1], provenance)


def test_every_deck_marks_the_gain(store, ranking, provenance, tmp_path):
    for name in ("front", "m1", "m3"):
        write_deck(tmp_path / f"{name}.pptx", name, material(store, ranking, Cover()))
        texts = []
        for slide in Presentation(str(tmp_path / f"{name}.pptx")).slides:
            for shape in slide.shapes:
                texts += [shape.text_frame.text] if shape.has_text_frame else []
                cells = shape.table.iter_cells() if shape.has_table else ()
                texts += [cell.text_frame.text for cell in cells]
        text = "\n".join(texts)
        assert bool(unmarked(text)) <= (provenance == METERED), name
        assert right(text, provenance) or name == "m3"


def test_the_contests_slide_is_headed_by_what_was_measured(store, ranking, provenance, tmp_path):
    write_deck(tmp_path / "m3.pptx", "m3", material(store, ranking, Cover()))
    (slide,) = Presentation(str(tmp_path / "m3.pptx")).slides
    words = " ".join(shape.text_frame.text for shape in slide.shapes if shape.has_text_frame)
    title = (
        rf"FoM {GAIN} ±[\d.]+ % the unpruned"
        if provenance == METERED
        else r"1\.00 ms, 10\.0 x ±0\.5 % faster than the unpruned"
    )
    assert re.search(title, words)


def test_table_files_say_what_a_gain_rests_on(ranking, provenance, tmp_path):
    write_md(tmp_path / "front.md", ranking, "front")
    (cells,) = [
        line for line in (tmp_path / "front.md").read_text().splitlines() if ranking.ranked[0].recipe_id in line
    ]
    assert right(cells, provenance)
    write_csv(tmp_path / "front.csv", ranking, "front")
    first, *_ = csv.DictReader((tmp_path / "front.csv").read_text().splitlines())
    assert float(first["FoM gain"]) == pytest.approx(83.33, abs=0.01)
    names = list(first)
    assert names[names.index("FoM gain") + 1] == "FoM gain is"
    assert first["FoM gain is"] == provenance.kind
    write_json(tmp_path / "front.json", ranking, "front")
    assert json.loads((tmp_path / "front.json").read_text())["rows"][0]["FoM gain is"] == first["FoM gain is"]


def test_findings_mark_the_gain(ranking, provenance):
    assert right("\n".join(findings(ranking.rows)), provenance)


def test_what_the_figures_rest_on_says_that_the_contests_are_one(store, ranking, provenance):
    assert (ONE_CONTEST in basis(store, ranking).lines) is (provenance != METERED)


def test_without_a_meter_latency_is_the_headline(row, provenance):
    if provenance == METERED:
        assert line(row, "fom").startswith("FoM 277,778 (measured energy), 75.00 % validation, 1.00 ms, 83.3 x")
        assert line(row, "energy").startswith("2.70 mJ (measured)")
    else:
        fast = "1.00 ms, 75.00 % validation, 10.0 x ±0.5 % faster than the baseline; "
        assert line(row, "fom") == f"{fast}FoM 277,778 (estimated energy), 83.3 x ±4.3 % est. the baseline's"
        assert line(row, "energy") == f"{fast}2.70 mJ (estimated)"
        assert gain(row, "fom") == "10.0 x ±0.5 % faster than the baseline, FoM 83.3 x ±4.3 % est."
    assert line(row, "latency") == "1.00 ms, 75.00 % validation, 10.0 x ±0.5 % faster than the baseline"


def test_a_gain_that_is_not_there_has_no_mark(row):
    assert fom_gain(replace(row, fom_gain=None)) == "-"


def test_a_predicted_gain_says_so(row):
    assert fom_gain(replace(row, energy_provenance=PREDICTED)) == "83.3 x ±4.3 % pred."


def test_how_a_network_was_trained_and_quantized_tells_equalized_and_rounded_ones_apart():
    plain = Recipe(widths=WIDTHS, halvings=HALVINGS, epochs=3, quantization="static_int8")
    assert training_text(plain) == "static_int8, 3 epochs"
    rounded = replace(plain, equalized=True, aware_epochs=2)
    assert training_text(rounded) == "static_int8 equalized, 3 + 2 rounded epochs"
