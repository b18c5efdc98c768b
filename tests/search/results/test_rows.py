import json
from dataclasses import replace

import pytest

from evaluators.measurement import Accuracy
from search.results.standings import standings
from search.scoring.audit import UNEXPLAINED
from tests.search.made_up import GOAL, distinct, evaluation, store_with

KEYS = {
    "trial",
    "recipe_id",
    "structure_id",
    "stage",
    "feasible",
    "gated",
    "dirty",
    "validation_accuracy",
    "test_accuracy",
    "accuracy_ci",
    "latency_ms",
    "latency_ci_ms",
    "latency_provenance",
    "energy_mj",
    "energy_dynamic_mj",
    "energy_ci_mj",
    "energy_provenance",
    "max_power_w",
    "mean_power_w",
    "idle_power_w",
    "mwh_per_2000",
    "memory_mb",
    "fom",
    "fom_gain",
    "fom_gain_ci",
    "latency_gain",
    "latency_gain_ci",
    "parameters",
    "macs",
    "operators",
    "framework",
    "onnx",
    "recipe",
}


def test_a_row_has_the_keys_that_others_rely_on(tmp_path):
    store = store_with(tmp_path, [evaluation(made=distinct(1)[0])])
    content = json.loads(json.dumps(standings(store, GOAL).as_dict()))
    assert content.keys() == {"study", "bench", "data", "baseline", "lead_probability", "not_metered", "ranking"}
    for row in (content["baseline"], *content["ranking"]):
        assert row.keys() == KEYS


def test_fom_is_accuracy_over_seconds_times_joules(tmp_path):
    store = store_with(tmp_path, [evaluation(share=0.75, latency_ms=2.0, made=distinct(1)[0])])
    row = standings(store, GOAL).as_dict()["ranking"][0]
    assert row["fom"] == pytest.approx(0.75 / (2e-3 * 2.7 * 2e-3))
    assert row["energy_mj"] == pytest.approx(5.4)
    assert row["mwh_per_2000"] == pytest.approx(5.4 * 2000 / 3600)


def test_figures_kept_before_idle_was_known_are_read(tmp_path):
    figures = evaluation(made=distinct(1)[0]).figures
    content = json.loads(figures.to_json())
    del content["idle_power_w"]
    assert type(figures).from_json(json.dumps(content)) == figures


def test_gains_refer_to_the_reference_nearest_in_time(tmp_path):
    # The baseline was 10 ms when it was measured first, and 12 ms beside this candidate.
    late = evaluation(latency_ms=2.0, made=distinct(1)[0], reference_latency_s=12e-3, reference_energy_j=40e-3)
    row = standings(store_with(tmp_path, [late]), GOAL).as_dict()["ranking"][0]
    assert row["latency_gain"] == pytest.approx(6.0)
    assert row["fom_gain"] == pytest.approx(row["fom"] / (0.9 / (12e-3 * 40e-3)))


def test_the_baseline_gains_nothing_over_itself(tmp_path):
    baseline = standings(store_with(tmp_path, []), GOAL).as_dict()["baseline"]
    assert (baseline["latency_gain"], baseline["fom_gain"]) == (1.0, 1.0)


def test_confirm_replaces_the_figures_and_keeps_the_old_ones(tmp_path):
    result = evaluation(share=0.75, latency_ms=2.0, test=0.73, confirmed_ms=2.2, made=distinct(1)[0])
    row = standings(store_with(tmp_path, [result]), GOAL).as_dict()["ranking"][0]
    assert row["stage"] == "confirm"
    assert row["test_accuracy"] == 0.73
    assert row["validation_accuracy"] == 0.75
    assert row["latency_ms"] == pytest.approx(2.2)
    assert row["search"]["latency_ms"] == pytest.approx(2.0)
    assert row["fom"] == pytest.approx(0.73 / (2.2e-3 * 2.7 * 2.2e-3))


def test_a_confirmed_row_holds_the_answers_by_class(tmp_path):
    first, second = distinct(2)
    confirmed = evaluation(test=0.73, made=first)
    assert confirmed.confirmation is not None
    test = Accuracy.of(predicted=[0, 1, 1, 0], labels=[0, 0, 1, 1], engine="test")
    store = store_with(
        tmp_path, [replace(confirmed, confirmation=replace(confirmed.confirmation, test=test)), evaluation(made=second)]
    )
    rows = {row["recipe_id"]: row for row in json.loads(json.dumps(standings(store, GOAL).as_dict()))["ranking"]}
    assert rows[first.id]["confusion"] == [[1, 1], [1, 1]]
    assert rows[first.id]["accuracy_ci"] == pytest.approx(test.interval)
    assert "confusion" not in rows[second.id]


def test_the_interval_is_of_the_accuracy_shown(tmp_path):
    result = evaluation(share=0.75, test=0.73, made=distinct(1)[0])
    row = standings(store_with(tmp_path, [result]), GOAL).as_dict()["ranking"][0]
    assert row["accuracy_ci"] == pytest.approx((0.7212, 0.7386), abs=1e-4)
    assert row["search"]["accuracy_ci"] == result.validation.interval


def test_a_row_is_audited_by_the_figures_that_it_shows(tmp_path):
    result = evaluation(latency_ms=2.0, test=0.73, confirmed_ms=2.2, made=distinct(1)[0], energy_j=10 * 2.2e-3)
    audit = standings(store_with(tmp_path, [result]), GOAL).rows[0].audit
    assert audit.verdict == UNEXPLAINED
    assert audit.implied_power_w == pytest.approx(10)


def test_a_trial_of_another_study_has_no_number_here(tmp_path):
    recipes = distinct(2)
    store = store_with(tmp_path, [evaluation(made=recipe) for recipe in recipes])
    store.begin_trial(GOAL.id, 7, recipes[1].id)
    rows = {row["recipe_id"]: row["trial"] for row in standings(store, GOAL).as_dict()["ranking"]}
    assert rows == {recipes[0].id: None, recipes[1].id: 7}
