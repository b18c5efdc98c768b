import contextlib
import sqlite3

import pytest

from search.store import COMPLETE, RUNNING, Store
from space.errors import RequestError
from tests.search.made_up import BENCH, DEVICE, GOAL, distinct, evaluation, keep, store_with


def test_an_evaluation_comes_back_as_it_was_kept(tmp_path):
    one = evaluation(share=0.75, latency_ms=2.0, test=0.73, made=distinct(1)[0])
    store = store_with(tmp_path, [one])
    back = store.evaluation(one.recipe_id, GOAL)
    assert back is not None
    assert (back.figures, back.validation, back.confirmation) == (one.figures, one.validation, one.confirmation)
    assert back.candidate.recipe == one.candidate.recipe
    assert back.candidate.onnx == tmp_path / "candidates" / one.candidate.onnx


def test_recipes_of_one_structure_share_its_measurement(tmp_path):
    store = store_with(tmp_path, [evaluation(0, latency_ms=2.0)])
    other = evaluation(1)
    store.add_candidate(other.candidate, GOAL.baseline_id, other.validation)
    found = store.evaluation(other.recipe_id, GOAL)
    assert found is not None
    assert found.figures.latency_s == pytest.approx(2e-3)


def test_what_was_measured_on_another_bench_does_not_count(tmp_path):
    one = evaluation(made=distinct(1)[0])
    store = store_with(tmp_path, [one])
    assert store.evaluations(GOAL.baseline_id, "another bench") == {}


def test_a_failed_transaction_leaves_nothing(tmp_path):
    store = store_with(tmp_path, [])
    with contextlib.suppress(ZeroDivisionError), store._database.transaction() as execute:
        execute("INSERT INTO search_facts (name, value) VALUES ('a', '1')", {})
        raise ZeroDivisionError
    assert store.fact("a") is None


def test_reading_makes_no_store(tmp_path):
    with pytest.raises(RequestError, match="holds no study yet"):
        Store.existing(tmp_path / "absent")
    assert not (tmp_path / "absent").exists()


def test_a_damaged_database_is_said_in_one_line(tmp_path):
    (tmp_path / "search.db").write_bytes(b"not a database, but long enough to look like one" * 100)
    with pytest.raises(RequestError, match="not a database"):
        Store.create(tmp_path)


def test_readers_do_not_wait_for_a_writer(tmp_path):
    store = store_with(tmp_path, [])
    writer = sqlite3.connect(tmp_path / "search.db", isolation_level=None)
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO search_facts (name, value) VALUES ('a', '1')")
    assert store.fact("a") is None
    writer.execute("COMMIT")
    assert store.fact("a") == "1"
    writer.close()


def test_a_trial_is_begun_once_and_ended(tmp_path):
    store = store_with(tmp_path, [])
    store.begin_trial(GOAL.id, 0, "r")
    store.begin_trial(GOAL.id, 0, "other")
    assert [(trial.recipe_id, trial.state) for trial in store.trials(GOAL.id)] == [("r", RUNNING)]
    store.end_trial(GOAL.id, 0, COMPLETE)
    assert [trial.state for trial in store.trials(GOAL.id)] == [COMPLETE]


def test_another_database_holds_the_same(tmp_path):
    # Through SQLAlchemy, as PostgreSQL would be.
    store = Store.create(tmp_path, f"sqlite+pysqlite:///{tmp_path / 'elsewhere.db'}")
    store.add_bench(BENCH, DEVICE)
    one = evaluation(made=distinct(1)[0])
    keep(store, one)
    keep(store, one)
    assert store.evaluations(GOAL.baseline_id, GOAL.bench_id)[one.recipe_id].figures == one.figures
    assert store.bench(BENCH.id) == BENCH


def test_a_storage_that_nobody_speaks_is_refused(tmp_path):
    with pytest.raises(RequestError, match="--storage"):
        Store.create(tmp_path, "oracle-of-delphi://here")
