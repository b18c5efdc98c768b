"""What was finished and not told is told by the next run, once; a file that is damaged is put aside."""

from dataclasses import replace
from pathlib import Path

import pytest

from evaluators.measured import Measured
from search.store.reference_fact import reference_fact
from search.store.store import Store
from tests.search.made_up import GOAL, distinct, evaluation, figures, store_with


def kept(store: Store, seen: int):
    """What is kept, as on a server, before the database was told."""
    result = evaluation(made=distinct(1)[0])
    structure_id = result.candidate.recipe.structure_id
    store.keep_candidate(result.candidate, GOAL.baseline_id, result.validation, seen)
    begun = replace(store.begun(GOAL.bench_id, GOAL.baseline_id), seen=seen)
    store.keep_measured(structure_id, GOAL.bench_id, Measured(result.figures, ()), begun)
    return result, structure_id


def files(store: Store) -> list[str]:
    return sorted(path.suffix for path in (store.folder / "pending").iterdir())


def test_what_was_finished_is_told_once(tmp_path: Path) -> None:
    store = store_with(tmp_path, [])
    result, _ = kept(store, store.last_change())
    assert result.recipe_id not in store.evaluations(GOAL.baseline_id, GOAL.bench_id)
    assert Store.existing(tmp_path).tell_pending() == 2
    assert store.evaluations(GOAL.baseline_id, GOAL.bench_id)[result.recipe_id].figures == result.figures
    assert files(store) == []
    assert store.tell_pending() == 0


def test_what_was_told_since_is_not_told_again(tmp_path: Path) -> None:
    """A kill between the database's commit and the removal of the file; or somebody measured it meanwhile."""
    store = store_with(tmp_path, [])
    _, structure_id = kept(store, store.last_change())
    store.add_structure(structure_id, GOAL.bench_id, figures(7.0), "")
    store.tell_pending()
    assert store.structure(structure_id, GOAL.bench_id) == figures(7.0)
    assert files(store) == []


def test_what_was_measured_beside_another_reference_is_not_told(tmp_path: Path) -> None:
    store = store_with(tmp_path, [])
    _, structure_id = kept(store, store.last_change())
    store.remember(reference_fact(GOAL.bench_id, GOAL.baseline_id), "another")
    store.tell_pending()
    assert store.structure(structure_id, GOAL.bench_id) is None
    assert files(store) == []


def test_what_is_told_at_once_leaves_no_file(tmp_path: Path) -> None:
    store = store_with(tmp_path, [])
    result, structure_id = kept(store, store.last_change())
    store.add_candidate(result.candidate, GOAL.baseline_id, result.validation)
    store.add_measured(structure_id, GOAL.bench_id, Measured(result.figures, ()))
    assert files(store) == []


def test_a_damaged_file_is_put_aside(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = store_with(tmp_path, [])
    result, _ = kept(store, store.last_change())
    for path in (tmp_path / "pending").iterdir():
        path.write_text(path.read_text()[:-9])
    assert store.tell_pending() == 0
    assert result.recipe_id not in store.evaluations(GOAL.baseline_id, GOAL.bench_id)
    assert files(store) == [".damaged"] * 2
    assert capsys.readouterr().err.count("is damaged, and not told to the database") == 2
