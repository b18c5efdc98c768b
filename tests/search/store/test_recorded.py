"""Stores of earlier versions open and say the same, to the digit: searched, confirmed, and a grid begun.

tests/recorded/ holds the databases, and what was said of them: made again by running the words below, with the path of
the store written as STORE. That of 2026-11-21 is the oldest that is opened; 2026-11 is the last one before the rooms.
"""

import json
import shutil
from pathlib import Path

import pytest

from search.commands.exit_status import OK
from space.files import sha256
from tests.search.user import User

RECORDED = Path(__file__).parents[2] / "recorded"
LAST, OLDEST = RECORDED / "2026-11", RECORDED / "2026-11-21"
# The store, what was asked of it, and the file with the answer; what ends in .csv was exported.
ANSWERS = [
    (LAST, ("rank", "--space", "full", "--json"), "rank.json"),
    (LAST, ("rank", "--json"), "rank-grid.json"),
    (LAST, ("status",), "status.txt"),
    (LAST, ("status", "--json"), "status.json"),
    (LAST, ("export", "--space", "full"), "table.csv"),
    (LAST, ("export",), "table-grid.csv"),
    (OLDEST, ("rank", "--objective", "fom", "--json"), "rank.json"),
    (OLDEST, ("rank", "--objective", "latency", "--json"), "rank-latency.json"),
    (OLDEST, ("status",), "status.txt"),
    (OLDEST, ("status", "--json"), "status.json"),
    (OLDEST, ("export", "--objective", "fom"), "table.csv"),
]


def copied(recorded: Path, folder: Path) -> Path:
    folder.mkdir()
    shutil.copy(recorded / "search.db", folder)
    return folder


def contents(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): sha256(path) for path in folder.rglob("*") if path.is_file()}


def check(user: User, store: Path, answer: Path, words: tuple[str, ...]) -> None:
    """The command says what it said when this was recorded."""
    table = store.parent / answer.name
    status, out, err = user.types(*words, *(("--to", table) if words[0] == "export" else ()), "--store", store)
    assert (status, err) == (OK, "")
    content = table.read_text() if words[0] == "export" else out.replace(str(store), "STORE")
    if "--json" in words:
        # The order of a recipe's keys may change.
        assert json.loads(content) == json.loads(answer.read_text())
    else:
        assert content == answer.read_text()


@pytest.mark.parametrize(("recorded", "words", "answer"), ANSWERS)
def test_it_says_what_it_said_and_nothing_is_written(
    user: User, tmp_path: Path, recorded: Path, words: tuple[str, ...], answer: str
) -> None:
    store = copied(recorded, tmp_path / "store")
    before = contents(store)
    check(user, store, recorded / answer, words)
    assert contents(store) == before


def test_they_hold_a_search_that_was_confirmed_and_a_grid_that_was_begun() -> None:
    for recorded in (LAST, OLDEST):
        ranking = json.loads((recorded / "rank.json").read_text())
        assert any(row["stage"] == "confirm" for row in ranking["ranking"])
        assert len(ranking["ranking"]) + 1 >= 10
    assert "points of the grid" in (LAST / "status.txt").read_text()
