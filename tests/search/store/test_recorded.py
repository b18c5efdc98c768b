"""A store of an earlier version opens and says the same, to the digit: searched, confirmed, and a grid begun.

tests/recorded/ holds its database, and what that version said of it: made again by running the words below there, with
the path of the store written as STORE.
"""

import json
import shutil
from pathlib import Path

import pytest

from search.commands.exit_status import OK
from space.files import sha256
from tests.search.user import User

RECORDED = Path(__file__).parents[2] / "recorded" / "2026-11"
# What was asked, and the file with the answer.
ANSWERS = {
    ("rank", "--space", "full", "--json"): "rank.json",
    ("rank", "--json"): "rank-grid.json",
    ("status",): "status.txt",
    ("status", "--json"): "status.json",
}


@pytest.fixture
def store(tmp_path: Path) -> Path:
    folder = tmp_path / "store"
    folder.mkdir()
    shutil.copy(RECORDED / "search.db", folder)
    return folder


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): sha256(path) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("words", ANSWERS)
def test_it_says_what_it_said_and_nothing_is_written(user: User, store: Path, words: tuple[str, ...]) -> None:
    before = contents(store)
    status, out, err = user.types(*words, "--store", store)
    assert (status, err) == (OK, "")
    said, expected = out.replace(str(store), "STORE"), (RECORDED / ANSWERS[words]).read_text()
    if "--json" in words:
        # The order of a recipe's keys may change.
        assert json.loads(said) == json.loads(expected)
    else:
        assert said == expected
    assert contents(store) == before


@pytest.mark.parametrize(("words", "name"), [(("--space", "full"), "table.csv"), ((), "table-grid.csv")])
def test_its_table_is_what_it_was(user: User, store: Path, tmp_path: Path, words: tuple[str, ...], name: str) -> None:
    before = contents(store)
    status, _, err = user.types("export", *words, "--to", tmp_path / name, "--store", store)
    assert status == OK, err
    assert (tmp_path / name).read_text() == (RECORDED / name).read_text()
    assert contents(store) == before


def test_it_holds_a_search_that_was_confirmed_and_a_grid_that_was_begun() -> None:
    ranking = json.loads((RECORDED / "rank.json").read_text())
    assert any(row["stage"] == "confirm" for row in ranking["ranking"])
    assert len(ranking["ranking"]) + 1 >= 10
    assert "points of the grid" in (RECORDED / "status.txt").read_text()
