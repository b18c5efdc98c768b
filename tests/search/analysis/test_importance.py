"""Which dimensions decided, on networks whose latency and accuracy follow a known rule."""

import csv
import json
import sys
from dataclasses import replace

import pytest
from PIL import Image

from search.__main__ import main
from search.analysis.importance import importances, steps
from search.commands.exit_status import OK, REQUEST
from search.results.standings import standings
from tests.search.landscape import landscape
from tests.search.made_up import GOAL, METERED, distinct, evaluation, store_with


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*words):
        monkeypatch.setattr(sys, "argv", ["search", "importance", *map(str, words)])
        return main(), *capsys.readouterr()

    return call


def test_what_cannot_matter_is_not_ranked_and_what_does_is_above_chance(tmp_path):
    store, goal = landscape(tmp_path, 150)
    latency, accuracy = importances(standings(store, goal))
    assert (latency.target, accuracy.target) == ("latency", "accuracy")
    assert sum(importance.share for importance in latency.importances) == pytest.approx(1)
    names = {importance.dimension for importance in latency.importances}
    assert names.isdisjoint({"epochs", "criterion"})
    assert {"threads", "spinning"}.isdisjoint(importance.dimension for importance in accuracy.importances)
    # Widths decide both; a latency of the made-up networks knows nothing of where the image is halved.
    above_chance = [importance.dimension for importance in latency.importances if importance.told]
    assert sum(name.endswith("_narrowing") for name in above_chance) >= 3
    assert latency.importances[0].told
    halvings = [importance for importance in latency.importances if importance.dimension.startswith("halving")]
    assert sum(importance.told for importance in halvings) <= 1


def test_a_step_costs_what_separates_its_ends(tmp_path):
    recipes = distinct(3)
    known = [
        evaluation(share=0.70, latency_ms=1.0, made=recipes[0]),
        # On test it is the worst: steps are on validation, which all have.
        evaluation(share=0.75, latency_ms=2.0, test=0.60, made=recipes[1]),
        evaluation(share=0.80, latency_ms=4.0, made=recipes[2], energy_provenance=METERED),
    ]
    costs = steps(standings(store_with(tmp_path, known), GOAL).rows)
    assert [round(step.points, 6) for step in costs] == [5, 5, 10]
    assert [round(step.ms_per_point, 6) for step in costs] == [0.2, 0.4, 0.6]
    assert [step.mj_per_point and round(step.mj_per_point, 6) for step in costs] == [0.54, None, None]


def test_the_command_tells_and_writes(tmp_path, run):
    landscape(tmp_path / "store", 60)
    status, out, err = run("--store", tmp_path / "store", "--to", tmp_path / "bars.png")
    assert (status, err) == (OK, "")
    for word in ("decided latency", "decided accuracy", "by chance up to", "ms per point", "mJ per point (estimated)"):
        assert word in out
    with Image.open(tmp_path / "bars.png") as picture:
        assert picture.width > 1000
    status, out, _ = run("--store", tmp_path / "store", "--json", "--to", tmp_path / "bars.csv")
    content = json.loads(out)
    with (tmp_path / "bars.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert {row["dimension"] for row in rows if row["target"] == "latency"} == set(
        content["importance"]["latency"]["dimensions"]
    )
    assert content["steps"][0]["energy_provenance"] == "estimated (power model)"


def test_too_few_trials_are_said_and_nothing_is_written(tmp_path, run):
    landscape(tmp_path / "store", 3)
    status, out, err = run("--store", tmp_path / "store")
    assert (status, err) == (OK, "")
    assert "importance for latency: " in out
    assert "too few to tell dimensions apart; --trials 20 or more are needed" in out
    assert run("--store", tmp_path / "store", "--to", tmp_path / "bars.png")[0] == REQUEST
    assert not (tmp_path / "bars.png").exists()
    assert run("--store", tmp_path / "store", "--to", tmp_path / "bars.docx")[0] == REQUEST


def test_a_study_without_trials_or_of_another_space_is_a_clear_line(tmp_path, run):
    landscape(tmp_path / "empty", 0)
    status, out, _ = run("--store", tmp_path / "empty")
    assert status == OK
    assert "the front has one row" in out
    store, goal = landscape(tmp_path / "other", 1)
    store.use_study(replace(goal, space="grid"))
    status, _, err = run("--store", tmp_path / "other")
    assert status == REQUEST
    assert "grid" in err
