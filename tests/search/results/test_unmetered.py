"""Who might lead if their energy were measured: in made-up standings, and in runs with a meter over a real socket."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from evaluators.provenance import Kind, Provenance
from search.commands.exit_status import NONE_FEASIBLE, OK
from search.commands.outcome import print_results
from search.results.report import results_console
from search.results.standings import standings
from search.results.unmetered import contenders, unmetered_lines
from search.store.store import Store
from tests.search.landscape import METERED, PREDICTED
from tests.search.made_up import GOAL, distinct, evaluation, store_with
from tests.search.running.test_meter_lost import meter, quick, speaks
from tests.search.user import User
from tests.search.whole import SEARCH, copy

__all__ = ["quick"]

ENERGY = replace(GOAL, objective="energy")
# A prediction far below every measured energy of the runs below.
PROMISING = 0.5


def rivals(*provenances: Provenance, **others: object) -> list:
    """The first is measured, at 1 ms; each that follows is a tenth faster and so takes less by as much."""
    recipes = distinct(1 + len(provenances))
    leader = evaluation(made=recipes[0], share=0.8, latency_ms=1.0, energy_provenance=METERED)
    return [
        leader,
        *(
            evaluation(
                made=recipe, latency_ms=0.9 * 0.9**place, energy_provenance=provenance, **{"share": 0.8, **others}
            )
            for place, (recipe, provenance) in enumerate(zip(recipes[1:], provenances, strict=True))
        ),
    ]


def waiting(folder: Path, evaluations: list, goal=ENERGY) -> list[str]:
    return [row.recipe_id for row in contenders(standings(store_with(folder, evaluations, goal), goal))]


def test_those_predicted_to_beat_the_lead_wait_for_the_meter_the_best_looking_first(tmp_path):
    first, second, third = rivals(PREDICTED, PREDICTED)
    assert waiting(tmp_path / "energy", [first, second, third]) == [third.recipe_id, second.recipe_id]
    assert waiting(tmp_path / "fom", [first, second, third], GOAL) == [third.recipe_id, second.recipe_id]


def test_what_was_estimated_before_there_was_a_measurement_waits_too(tmp_path):
    first, second = rivals(Provenance(Kind.ESTIMATED, "power model"))
    assert waiting(tmp_path, [first, second]) == [second.recipe_id]


@pytest.mark.parametrize(
    "others",
    [{"share": 0.6}, {"dirty": ("others used 0.4 cores",)}, {"energy_provenance": METERED}],
)
def test_who_could_not_lead_or_was_metered_does_not_wait(tmp_path, others):
    first, second = rivals(PREDICTED)
    second = evaluation(
        made=second.candidate.recipe,
        **{"share": 0.8, "latency_ms": 0.9, "energy_provenance": PREDICTED, **others},
    )
    assert waiting(tmp_path, [first, second]) == []


def test_who_is_far_behind_does_not_wait_and_who_comes_near_does(tmp_path):
    first, second = rivals(PREDICTED)
    recipe = second.candidate.recipe
    near, far = (
        evaluation(made=recipe, share=0.8, latency_ms=latency_ms, energy_provenance=PREDICTED)
        for latency_ms in (1.04, 1.06)
    )
    assert waiting(tmp_path / "near", [first, near]) == [recipe.id]
    assert waiting(tmp_path / "far", [first, far]) == []


def test_where_nobody_is_measured_everybody_who_holds_the_line_waits(tmp_path):
    _, second, third = rivals(PREDICTED, PREDICTED)
    assert waiting(tmp_path, [second, third]) == [third.recipe_id, second.recipe_id]


def test_without_a_meter_or_where_energy_does_not_matter_nobody_waits(tmp_path):
    estimated = [evaluation(made=recipe, latency_ms=1 + place) for place, recipe in enumerate(distinct(2))]
    assert waiting(tmp_path / "estimated", estimated) == []
    assert waiting(tmp_path / "latency", rivals(PREDICTED), replace(GOAL, objective="latency")) == []


def test_results_do_not_claim_a_win_while_somebody_waits(tmp_path, capsys):
    rows = rivals(METERED, PREDICTED)
    store = store_with(tmp_path, rows, ENERGY)
    ranking = standings(store, ENERGY)
    print_results(results_console(), store, [ranking])
    out = capsys.readouterr().out
    assert f"not metered yet, and may lead: {rows[2].recipe_id}: {2.7 * 0.81:.2f} mJ (predicted), 80.00 %" in out
    assert "with a probability" not in out
    assert "best energy of those metered, which is not settled: " in out
    assert ranking.as_dict()["not_metered"] == [rows[2].recipe_id]
    assert ranking.as_dict()["lead_probability"] is None
    store = store_with(tmp_path / "settled", rows[:2], ENERGY)
    settled = standings(store, ENERGY)
    print_results(results_console(), store, [settled])
    out = capsys.readouterr().out
    assert unmetered_lines(settled) == []
    assert "with a probability" in out
    assert "best energy: " in out


def searched(user: User, folder: Path, port: int, objective: str, *words: object, ends: int = OK) -> str:
    meter_url = f"smartpower2://127.0.0.1:{port}"
    status, out, err = user.types(
        *SEARCH, "--objective", objective, "--store", folder, "--trials", 1, "--meter", meter_url, *words
    )
    assert status == ends, err
    return out


def demoted(folder: Path) -> str:
    """The only network, as a study that did not need its energy leaves it: predicted, and better than it is."""
    store = Store.existing(folder)
    goal = store.studies()[0]
    row = standings(store, goal).ranked[0]
    figures = replace(row.figures, energy_j=PROMISING * row.figures.energy_j, energy_provenance=PREDICTED)
    structure_id = row.candidate.recipe.structure_id
    store.add_structure(structure_id, goal.bench_id, figures, store.raw(goal.bench_id)[structure_id])
    return row.recipe_id


@pytest.mark.whole
def test_whoever_comes_from_another_study_gets_its_minute_of_meter_or_is_named(
    user: User, started: Path, tmp_path: Path
) -> None:
    folder = copy(started, tmp_path / "store")
    with meter(speaks) as port:
        searched(user, folder, port, "latency")
        promising = demoted(folder)
        # No time: a trial more would not end either, and nobody else is there to lead.
        output = searched(user, folder, port, "all", "--timeout", "0.001", ends=NONE_FEASIBLE)
        assert f"not metered yet, and may lead: {promising}" in output
        out = user.types("rank", "--json", "--store", folder, "--objective", "energy")[1]
        assert json.loads(out)["not_metered"] == [promising]
        output = searched(user, folder, port, "all")
    assert "not metered yet" not in output
    store = Store.existing(folder)
    for goal in store.studies()[:3]:
        ranking = standings(store, goal)
        (row,) = [row for row in ranking.ranked if row.recipe_id == promising]
        assert row.figures.energy_provenance.kind is Kind.MEASURED
        assert contenders(ranking) == []
