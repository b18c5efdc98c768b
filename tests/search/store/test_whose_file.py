"""Whose a file is: what two stores on one database trained one after the other is the later one's."""

import socket
from dataclasses import replace
from pathlib import Path

import pytest

from search.store.store import Store
from search.store.whose_file import ElsewhereError, built_elsewhere, where, with_file
from space.candidate import Candidate
from space.files import sha256
from tests.search.made_up import GOAL, distinct, evaluation, store_with


def trained(store: Store, content: bytes) -> Candidate:
    """A trained candidate with its file and its manifest, and told to the database."""
    result = evaluation(made=distinct(1)[0])
    file = store.candidates / f"{result.recipe_id}-{GOAL.baseline_id}.onnx"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content)
    candidate = replace(result.candidate, file=file, sha256=sha256(file))
    file.with_suffix(".json").write_text(candidate.to_json())
    store.add_candidate(candidate, GOAL.baseline_id, result.validation)
    return candidate


def test_what_another_one_trained_since_is_not_taken_for_ones_own(tmp_path: Path) -> None:
    first = store_with(tmp_path / "first", [])
    own = trained(first, b"a network")
    assert built_elsewhere(first, own, GOAL.baseline_id) is None
    second = Store.create(tmp_path / "second", first.url)
    trained(second, b"another network")
    stored = first.candidate(own.recipe.id, GOAL.baseline_id)
    assert stored is not None
    elsewhere = (socket.gethostname(), second.folder.absolute())
    assert built_elsewhere(first, stored[0], GOAL.baseline_id) == elsewhere
    assert with_file(first, stored[0], GOAL.baseline_id).file.read_bytes() == b"another network"
    assert where(first, own, GOAL.baseline_id) == str(own.file)
    assert where(first, stored[0], GOAL.baseline_id) == str(second.folder.absolute() / "candidates" / own.file.name)
    (second.candidates / own.file.name).unlink()
    with pytest.raises(ElsewhereError, match="it lies on"):
        with_file(first, stored[0], GOAL.baseline_id)


def test_a_store_that_was_moved_has_its_own_files(tmp_path: Path) -> None:
    store = store_with(tmp_path / "before", [])
    trained(store, b"a network")
    moved = Store.existing((tmp_path / "before").rename(tmp_path / "after"))
    own = moved.candidate(distinct(1)[0].id, GOAL.baseline_id)
    assert own is not None
    assert built_elsewhere(moved, own[0], GOAL.baseline_id) is None
