"""Files of candidates that can no longer win go, where that was asked for; what is wanted again is built again."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from search.commands.exit_status import OK, REQUEST
from search.results.front import front
from search.results.standings import standings
from search.running.confirmation import MOST
from search.running.keeping import clear
from search.store.store import Store
from space.files import sha256
from tests.search.made_up import GOAL, distinct, evaluation, recipe, store_with
from tests.search.user import User
from tests.search.whole import SEARCH, copy, keep_one_network

LATENCY = replace(GOAL, objective="latency")


def with_files(folder: Path, count: int) -> Store:
    """The later, the slower and the less accurate; the last one is confirmed."""
    rows = [
        evaluation(share=0.85 - place / 1000, latency_ms=1 + place, made=structure)
        for place, structure in enumerate(distinct(count))
    ]
    rows.append(evaluation(share=0.8, latency_ms=90, test=0.79, made=recipe(seed=9)))
    store = store_with(folder, rows, LATENCY)
    store.candidates.mkdir()
    for result in store.evaluations(GOAL.baseline_id, GOAL.bench_id).values():
        result.candidate.file.touch()
        result.candidate.file.with_suffix(".json").touch()
    return store


def there(store: Store) -> set[str]:
    return {path.stem for path in store.candidates.glob("*.onnx")}


def test_what_may_still_win_stays(tmp_path: Path) -> None:
    store = with_files(tmp_path, 30)
    ranking = standings(store, LATENCY)
    waiting = [row.recipe_id for row in ranking.waiting]
    assert len(waiting) == 30
    begun_id = waiting[20]
    store.begin_trial(LATENCY.id, 0, begun_id)
    before = there(store)
    wanted = {row.recipe_id for row in front(ranking.rows[:-1])}
    wanted |= {ranking.baseline.recipe_id, recipe(seed=9).id, begun_id, *waiting[: MOST - 1]}
    assert clear(store) == len(before - wanted) > 10
    assert there(store) == wanted
    assert {path.stem for path in store.candidates.glob("*.json")} == before
    assert [row.recipe_id for row in standings(store, LATENCY).waiting] == waiting
    assert clear(store) == 0


def test_what_another_study_wants_stays(tmp_path: Path) -> None:
    store = with_files(tmp_path, 30)
    other = replace(LATENCY, minimum_accuracy=0.5, margin=0.0, bench_id="another")
    slow = evaluation(made=distinct(30)[-1])
    store.add_structure(slow.structure_id, "another", slow.figures, "")
    store.use_study(other)
    store.begin_trial(other.id, 0, slow.recipe_id)
    clear(store)
    assert slow.recipe_id in there(store)


@pytest.mark.usefixtures("calm_machine")
@pytest.mark.whole
def test_a_file_that_went_or_was_changed_is_built_again_for_confirm(user: User, started: Path, tmp_path: Path) -> None:
    folder = copy(started, tmp_path / "store")
    status, _, err = user.types(*SEARCH, "--store", folder, "--keep", "front", "--trials", 1)
    assert status == OK, err
    files = json.loads(user.types("status", "--json", "--store", folder)[1])["files"]
    assert f"files: those of {files['there']} of {files['built']} candidates are kept (--keep front)" in err
    assert "candidates are kept" in user.types("status", "--store", folder)[1]
    store = Store.existing(folder)
    keep_one_network(folder)
    best = standings(store, store.studies()[0]).best
    assert best is not None
    another = next(path for path in store.candidates.glob("*.onnx") if path != best.candidate.file).read_bytes()
    for path in store.candidates.glob("*.onnx"):
        path.unlink()
    best.candidate.file.write_bytes(another)
    status, _, err = user.types("export", "--to", tmp_path / "winner.onnx", "--store", folder)
    assert status == REQUEST
    assert f"{best.candidate.file} is gone or was changed; `confirm` builds it again" in err
    status, _, err = user.types("confirm", "--top", 1, "--store", folder)
    assert status == OK, err
    # Whoever leads once the reference is timed again.
    ranking = standings(store, store.studies()[0])
    measured = [row for row in (*ranking.ranked, ranking.baseline) if row.confirmation]
    assert len(measured) >= 2
    for row in measured:
        assert sha256(row.candidate.file) == row.candidate.sha256
