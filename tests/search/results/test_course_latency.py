"""What the course's script times stands beside a latency where it is less, under its name, and ranks nothing."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from evaluators.measurement import Figures
from search.export.html.page import page
from search.export.table_files import write_csv
from search.results.report import provenance, results_console, table
from search.results.standings import Standings, standings
from search.store.evaluation import Evaluation
from tests.search.made_up import GOAL, distinct, evaluation, store_with

FIRST, SECOND = distinct(2)


def under_litert(latency_ms: float, course_ms: float) -> Evaluation:
    whole = evaluation(made=replace(SECOND, runtime="litert"), latency_ms=latency_ms, framework="litert 2.3.0")
    return replace(whole, figures=replace(whole.figures, course_latency_s=course_ms / 1e3))


@pytest.fixture
def ranking(tmp_path: Path) -> Standings:
    """By the course's own timing the second of them would lead."""
    return standings(store_with(tmp_path, [evaluation(made=FIRST, latency_ms=1.0), under_litert(2.0, 0.5)]), GOAL)


def test_it_is_stored_and_a_store_of_before_has_none() -> None:
    figures = under_litert(2.0, 0.5).figures
    assert Figures.from_json(figures.to_json()) == figures
    earlier = json.loads(figures.to_json())
    del earlier["course_latency_s"]
    assert Figures.from_json(json.dumps(earlier)).course_latency_s is None


def test_it_ranks_nothing(ranking: Standings) -> None:
    assert ranking.ranked[0].recipe_id == FIRST.id


def test_rows_say_it_with_its_name_where_it_is_not_the_latency(ranking: Standings) -> None:
    whole, less = json.loads(json.dumps(ranking.as_dict()))["ranking"]
    assert (less["course_latency_ms"], less["course_call"]) == (pytest.approx(0.5), "interpreter.invoke()")
    assert not {"course_latency_ms", "course_call"} & whole.keys()


def drawn(ranking: Standings, width: int = 250) -> str:
    console = results_console()
    with console.capture() as captured:
        console.print(table(ranking, 10, width))
    return captured.get()


def test_it_has_a_column_of_its_own_that_is_explained(ranking: Standings, tmp_path: Path) -> None:
    heads, first, second, *_ = drawn(ranking).splitlines()
    place = heads.index("course ms")
    assert (first[place:].split()[0], second[place:].split()[0]) == ("1.00", "0.500")
    assert "course ms" not in drawn(ranking, width=120)
    assert any("interpreter.invoke() alone; it is never ranked" in text for text in provenance(ranking))
    write_csv(tmp_path / "table.csv", ranking, "front")
    rows = {row["Recipe id"]: row for row in csv.DictReader(io.StringIO((tmp_path / "table.csv").read_text()))}
    assert {row["The course times"] for row in rows.values()} == {"interpreter.invoke()", "all of the latency"}
    assert rows[FIRST.id]["Latency as the course times it (ms)"] == "1.0"


def test_the_page_has_it_too(tmp_path: Path) -> None:
    store = store_with(tmp_path, [evaluation(made=FIRST, latency_ms=1.0), under_litert(2.0, 0.5)])
    shown = page(store, standings(store, GOAL))
    assert '<button type="button">course ms</button>' in shown
    assert 'data-value="0.5">0.500</td>' in shown
    assert "interpreter.invoke() alone; it is never ranked" in shown


def test_there_is_no_column_where_it_is_the_latency(tmp_path: Path) -> None:
    alike = standings(store_with(tmp_path, [evaluation(made=FIRST)]), GOAL)
    assert "course" not in drawn(alike)
    assert not any("never ranked" in text for text in provenance(alike))
