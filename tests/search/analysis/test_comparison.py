"""Side by side is only what is comparable."""

import json
import sys
from dataclasses import replace

import pytest

from search.__main__ import main
from search.analysis.comparison import compared, side
from search.commands.exit_status import OK, REQUEST
from search.results.standings import standings
from search.settings.grid import Grid
from tests.search.landscape import landscape
from tests.search.made_up import BENCH, GOAL, METERED, distinct, evaluation, store_with

OTHER = replace(BENCH, board="Another board", pool="Another board")


def sides(tmp_path, ours, theirs):
    """The made-up board twice, each in a folder of its own."""
    stores = [store_with(tmp_path / name, list(evaluations)) for name, evaluations in (("a", ours), ("b", theirs))]
    return [side(str(store.folder), None, None) for store in stores]


def test_a_ratio_of_the_same_structure_carries_both_intervals(tmp_path):
    recipes = distinct(5)
    ours = [evaluation(made=recipe, latency_ms=1 + place / 2, spread=0.03) for place, recipe in enumerate(recipes)]
    theirs = [evaluation(made=recipe, latency_ms=2 + place, spread=0.04) for place, recipe in enumerate(recipes)]
    comparison = compared(*sides(tmp_path, ours, theirs))
    assert len(comparison.common) == 6
    ratio = next(pair for pair in comparison.common if pair.a.recipe_id == recipes[0].id).latency
    assert ratio.value == pytest.approx(2.0)
    # 3 % and 4 % of independent figures are 5 %.
    assert (ratio.low, ratio.high) == (pytest.approx(2 * 0.95, rel=0.003), pytest.approx(2 * 1.05, rel=0.003))
    assert comparison.rank_correlation == pytest.approx(1.0)


def test_the_rank_correlation_tells_another_order(tmp_path):
    recipes = distinct(5)
    ours = [evaluation(made=recipe, latency_ms=place + 1) for place, recipe in enumerate(recipes)]
    theirs = [evaluation(made=recipe, latency_ms=5 - place) for place, recipe in enumerate(recipes)]
    # With the baseline, slowest in both: ranks 0..5 against 4..0, 5.
    assert compared(*sides(tmp_path, ours, theirs)).rank_correlation == pytest.approx(1 - 6 * 40 / (6 * 35))


def test_energies_of_two_provenances_are_said_and_not_shown(tmp_path):
    (recipe,) = distinct(1)
    ours, theirs = (
        evaluation(made=recipe),
        evaluation(made=recipe, energy_provenance=METERED),
    )
    comparison = compared(*sides(tmp_path, [ours], [theirs]))
    (pair,) = [pair for pair in comparison.common if pair.a.recipe_id == recipe.id]
    assert pair.energy is None
    assert pair.latency is not None
    assert any(
        "energy is not compared" in text and "measured (SmartPower2)" in text for text in comparison.not_compared
    )


def test_accuracies_on_other_data_are_said_and_not_shown(tmp_path):
    landscape(tmp_path / "a", 8)
    landscape(tmp_path / "b", 8, fingerprint="another", data="cifar10")
    comparison = compared(*(side(str(tmp_path / name), None, None) for name in "ab"))
    assert comparison.common
    assert all(pair.accuracy is None for pair in (*comparison.common, comparison.chosen))
    assert "accuracy is not compared: the data differ (builtin, cifar10)" in comparison.not_compared


def test_test_and_validation_are_never_mixed(tmp_path):
    (recipe,) = distinct(1)
    ours, theirs = evaluation(made=recipe, share=0.75, test=0.73), evaluation(made=recipe, share=0.77)
    comparison = compared(*sides(tmp_path, [ours], [theirs]))
    assert (comparison.chosen.split, comparison.chosen.accuracy) == ("validation", (0.75, 0.77))


def test_winners_of_two_boards_make_no_ratio_but_their_common_structures_do(tmp_path):
    landscape(tmp_path / "a", 20)
    landscape(tmp_path / "b", 20, bench=OTHER, seed=1)
    comparison = compared(*(side(str(tmp_path / name), None, None) for name in "ab"))
    assert comparison.chosen.a.structure_id != comparison.chosen.b.structure_id
    assert comparison.chosen.latency is None
    assert [pair.latency.value for pair in comparison.common] == [pytest.approx(1.0)]
    assert any("the benches differ in board (Test board, Another board)" in text for text in comparison.not_compared)
    assert any("structures were measured in A alone" in text for text in comparison.not_compared)


@pytest.fixture
def run(monkeypatch, capsys):
    def call(*words):
        monkeypatch.setattr(sys, "argv", ["search", "compare", *map(str, words)])
        return main(), *capsys.readouterr()

    return call


def test_studies_benches_and_recipes_of_one_store_are_known_by_their_ids(tmp_path, run):
    store, goal = landscape(tmp_path / "store", 12)
    ids = [row.recipe_id for row in standings(store, goal).ranked[:2]]
    status, out, _ = run(*ids, "--json", "--store", store.folder)
    assert status == OK
    chosen = json.loads(out)["chosen"]
    assert (chosen["a"]["recipe_id"], chosen["b"]["recipe_id"]) == tuple(ids)
    assert chosen["latency_ratio"][0] == chosen["b"]["latency_ms"] / chosen["a"]["latency_ms"]
    for words in ((goal.id, goal.bench_id), (ids[0], goal.id)):
        status, out, err = run(*words, "--store", store.folder)
        assert (status, err) == (OK, "")
        assert ids[0] in out


def test_a_recipe_is_found_in_the_study_that_lists_it(tmp_path, run):
    store, goal = landscape(tmp_path / "store", 12)
    ids = [row.recipe_id for row in standings(store, goal).ranked[:2]]
    # Used last, of the same bench and baseline; none of them is in its table.
    store.use_study(replace(goal, space="grid", grid=Grid(fractions=(0.5,)).to_json()))
    status, out, _ = run(*ids, "--json", "--store", store.folder)
    assert status == OK
    assert json.loads(out)["chosen"]["a"]["recipe_id"] == ids[0]


def test_a_table_shows_ratio_and_interval(tmp_path, run):
    recipes = distinct(1)
    sides(tmp_path, [evaluation(made=recipes[0], latency_ms=1.0)], [evaluation(made=recipes[0], latency_ms=2.0)])
    status, out, _ = run(tmp_path / "a", tmp_path / "b")
    assert status == OK
    assert "2.00 (1.99 to 2.01)" in out
    assert "75.00 val." in out


def test_without_winners_the_common_structures_are_left(tmp_path, run):
    sides(tmp_path, [evaluation(share=0.5, made=distinct(1)[0])], [])
    status, out, _ = run(tmp_path / "a", tmp_path / "b")
    assert status == OK
    assert "winners are not compared: A and B has none that holds its line" in out


def test_what_is_not_there_is_named(tmp_path, run):
    store_with(tmp_path / "a", [])
    status, _, err = run("nothing", tmp_path / "a", "--store", tmp_path / "a")
    assert status == REQUEST
    assert "nothing is no store's folder" in err
    assert GOAL.id in err
    assert run("nothing", tmp_path / "a", "--store", tmp_path / "absent")[0] == REQUEST


def across(tmp_path, litert_ms):
    """Networks of their own runtime in each; the last one is in A alone."""
    recipes = distinct(5)
    ours = [evaluation(made=recipe, latency_ms=1 + place) for place, recipe in enumerate(recipes)]
    theirs = [
        evaluation(made=replace(recipe, runtime="litert", threads=threads), latency_ms=ms * threads, share=0.8)
        for recipe, ms in zip(recipes, litert_ms, strict=False)
        for threads in (2, 1)
    ]
    return sides(tmp_path, ours, theirs)


def test_studies_that_share_no_runtime_are_compared_network_by_network(tmp_path):
    comparison = compared(*across(tmp_path, [0.5, 1.0, 1.5, 2.0]))
    pairs = {pair.a.recipe_id: pair for pair in comparison.common}
    # The unpruned network stands in both.
    assert len(pairs) == 5
    assert comparison.rank_correlation == pytest.approx(1.0)
    first = pairs[distinct(1)[0].id]
    assert (first.b.recipe.runtime, first.b.recipe.threads) == ("litert", 1)
    assert first.latency.value == pytest.approx(0.5)
    assert first.accuracy == (0.75, 0.8)
    assert "1 networks were measured in A alone, 0 in B alone" in comparison.not_compared


def test_a_study_in_one_runtime_is_compared_structure_by_structure(tmp_path):
    recipes = distinct(2)
    both = [evaluation(made=recipes[0]), evaluation(made=replace(recipes[1], runtime="litert"))]
    comparison = compared(*sides(tmp_path, [evaluation(made=recipe) for recipe in recipes], both))
    assert {pair.a.recipe_id for pair in comparison.common} >= {recipes[0].id}
    assert recipes[1].id not in {pair.a.recipe_id for pair in comparison.common}


def test_what_ran_each_winner_is_said_where_it_differs(tmp_path, run):
    across(tmp_path, [0.5, 1.0, 1.5, 2.0])
    status, out, _ = run(tmp_path / "a", tmp_path / "b")
    assert status == OK
    assert "; ONNX (ONNX Runtime 1.0)\n" in out
    assert "; TensorFlow Lite (ONNX Runtime 1.0)\n" in out
    assert "5 of 5 common networks, the fastest of A first" in out
    assert "over 5 networks (1: the same order)" in out
