"""What may have disturbed a result without being seen stands wherever the result does."""

import csv
import sys

from pptx import Presentation

from search.__main__ import main
from search.commands.exit_status import OK
from search.results.standings import standings
from tests.search.made_up import GOAL, distinct, evaluation
from tests.search.settings.made_up_grid import with_trials

UNKNOWN = "whether other programs disturbed it is unknown: this system does not tell what they use"


def test_a_warning_reaches_ranking_page_slides_and_files(tmp_path, monkeypatch, capsys):
    store = with_trials(tmp_path / "store", [evaluation(made=recipe, warnings=(UNKNOWN,)) for recipe in distinct(2)])
    warning = f"warning, 2 of 3 results: {UNKNOWN}"
    for words in (["rank"], *(["export", "--to", str(tmp_path / f"out.{ending}")] for ending in ("html", "md"))):
        monkeypatch.setattr(sys, "argv", ["search", *words, "--store", str(store.folder)])
        assert main() == OK
    assert warning in capsys.readouterr().out
    page = (tmp_path / "out.html").read_text()
    assert warning in page
    # The warning also stands at the point itself.
    assert page.count(f'"{UNKNOWN}"') == 2
    assert warning in (tmp_path / "out.md").read_text()
    for name in ("out.pptx", "out.csv"):
        monkeypatch.setattr(
            sys, "argv", ["search", "export", "--to", str(tmp_path / name), "--store", str(store.folder)]
        )
        assert main() == OK
    notes = [slide.notes_slide.notes_text_frame.text for slide in Presentation(str(tmp_path / "out.pptx")).slides]
    assert any(UNKNOWN in text for text in notes)
    first, *_, last = csv.DictReader((tmp_path / "out.csv").read_text().splitlines())
    assert (first["Warnings"], last["Warnings"]) == (UNKNOWN, "")


def test_programs_read_it_with_its_row_and_many_kinds_are_counted(tmp_path, monkeypatch, capsys):
    many = [evaluation(made=recipe, warnings=(f"reason {place}",)) for place, recipe in enumerate(distinct(5))]
    store = with_trials(tmp_path / "store", many)
    rows = standings(store, GOAL).as_dict()
    assert sorted(row["warnings"] for row in rows["ranking"]) == [(f"reason {place}",) for place in range(5)]
    assert "warnings" not in rows["baseline"]
    monkeypatch.setattr(sys, "argv", ["search", "rank", "--store", str(store.folder)])
    assert main() == OK
    out = capsys.readouterr().out
    assert out.count("warning, 1 of 6 results: reason") == 3
    assert "2 further warnings: rank --json has them" in out
