"""Two runtimes meet in one study; another version of the second makes what it measured outdated, and nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest

from search.results.basis import basis
from search.results.standings import standings
from search.results.wording import settings_text
from search.store.store import Store
from tests.search.made_up import BENCH, GOAL, distinct, evaluation, keep, store_with

FIRST, SECOND = distinct(2)
ELSEWHERE = replace(SECOND, runtime="tensor_rt")


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """One network by the bench's runtime, another by a further one, confirmed."""
    filled = store_with(tmp_path, [evaluation(made=FIRST)])
    filled.note_frameworks(BENCH.id, {"tensor_rt": "tensor_rt 2.3.0"})
    keep(filled, evaluation(made=ELSEWHERE, latency_ms=0.5, test=0.74, framework="tensor_rt 2.3.0"))
    return filled


def ranked(store: Store) -> list[str]:
    return [row.recipe_id for row in standings(store, GOAL).ranked]


def test_both_are_ranked_in_one_study(store: Store) -> None:
    assert ranked(store) == [ELSEWHERE.id, FIRST.id]
    assert store.outdated(GOAL.baseline_id, BENCH.id) == []


def test_it_is_named_also_where_its_package_is_gone(store: Store) -> None:
    ranking = standings(store, GOAL)
    (row,) = [row for row in ranking.rows if row.recipe_id == ELSEWHERE.id]
    assert settings_text(row.recipe) == "1 thread, tensor_rt"
    stated = " ".join(basis(store, ranking).lines)
    assert "ONNX Runtime 1.0, tensor_rt 2.3.0" in stated
    assert "session.run() and run() of tensor_rt alone" in stated


def test_another_version_makes_its_own_measurements_outdated(store: Store) -> None:
    store.note_frameworks(BENCH.id, {"tensor_rt": "tensor_rt 2.4.0"})
    assert ranked(store) == [FIRST.id]
    assert store.structure(ELSEWHERE.structure_id, BENCH.id) is None
    assert store.structure(FIRST.structure_id, BENCH.id) is not None
    assert [row.recipe_id for row in store.outdated(GOAL.baseline_id, BENCH.id)] == [ELSEWHERE.id]


def test_timed_again_it_takes_part_and_has_to_be_confirmed_again(store: Store) -> None:
    store.note_frameworks(BENCH.id, {"tensor_rt": "tensor_rt 2.4.0"})
    again = evaluation(made=ELSEWHERE, latency_ms=0.4, framework="tensor_rt 2.4.0")
    store.add_structure(ELSEWHERE.structure_id, BENCH.id, again.figures, "")
    (row,) = [row for row in standings(store, GOAL).ranked if row.recipe_id == ELSEWHERE.id]
    assert (row.figures.latency_s, row.confirmation) == (pytest.approx(4e-4), None)
    assert store.outdated(GOAL.baseline_id, BENCH.id) == []


def test_a_run_without_it_changes_nothing(store: Store) -> None:
    store.note_frameworks(BENCH.id, {})
    assert ranked(store) == [ELSEWHERE.id, FIRST.id]


def test_a_network_is_one_whatever_runs_it() -> None:
    assert ELSEWHERE.network_id == SECOND.network_id
    assert ELSEWHERE.weights_id == SECOND.weights_id
    assert ELSEWHERE.structure_id != SECOND.structure_id
    assert ELSEWHERE.id != SECOND.id
