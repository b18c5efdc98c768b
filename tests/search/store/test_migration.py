"""A database of an earlier schema: read as it is, and brought to the latest one by whoever writes first."""

import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from search.commands.exit_status import REQUEST
from search.store.database import open_database
from search.store.migration import copy_of
from search.store.store import Store
from search.store.tables import METADATA
from search.store.version import FIRST, LATEST, VERSION_TABLE, version_of
from tests.search.made_up import BENCH, GOAL, distinct, evaluation, keep, statements, store_with
from tests.search.store.test_recorded import ANSWERS, LAST, check, contents, copied
from tests.search.user import User
from tests.search.whole import ROOT


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return copied(LAST, tmp_path / "store")


def dump(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as connection:
        return list(connection.iterdump())


def differences(url: str) -> list[object]:
    """What sets its tables apart from those of the schema; Optuna's are its own."""
    with create_engine(url).connect() as connection:
        options = {
            "include_name": lambda name, kind, _: kind != "table" or name.startswith("search_"),
            # SQLite calls DOUBLE PRECISION by another name.
            "compare_type": lambda *types: types[3]._type_affinity is not types[4]._type_affinity,
        }
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE, **options})
        listed = compare_metadata(context, METADATA)
    # SQLite alone lets a key of the first version's tables be NULL; no writer ever put one there.
    keys = {(table.name, column.name) for table in METADATA.tables.values() for column in table.primary_key}
    return [
        difference
        for difference in listed
        if not (isinstance(difference, list) and difference[0][0] == "modify_nullable" and difference[0][2:4] in keys)
    ]


@pytest.mark.parametrize(("recorded", "words", "answer"), ANSWERS)
def test_a_migrated_store_says_what_it_said(
    user: User, tmp_path: Path, recorded: Path, words: tuple[str, ...], answer: str
) -> None:
    store = copied(recorded, tmp_path / "store")
    Store.create(store)
    check(user, store, recorded / answer, words)


def test_the_first_writer_migrates_once_and_keeps_a_copy(old: Path) -> None:
    before = dump(old / "search.db")
    Store.create(old)
    copy = copy_of(old / "search.db", FIRST)
    assert dump(copy) == before
    assert version_of(open_database(f"sqlite:///{copy}")) == FIRST
    assert version_of(open_database(f"sqlite:///{old / 'search.db'}")) == LATEST
    after = dump(old / "search.db")
    copy.unlink()
    Store.create(old)
    assert dump(old / "search.db") == after
    assert not copy.exists()


def test_a_new_database_and_a_migrated_one_have_the_tables_of_the_schema(old: Path, tmp_path: Path) -> None:
    for store in (Store.create(old), store_with(tmp_path / "new", [])):
        assert differences(store.url) == []
    with statements(store) as execute:
        execute("DROP INDEX search_candidates_changed", {})
    assert differences(store.url) != []


def test_alembic_knows_every_version(old: Path) -> None:
    script = ScriptDirectory(str(ROOT / "search/store/migrations"))
    known = [int(version.revision) for version in script.walk_revisions()]
    assert known == list(range(LATEST, FIRST, -1))


def test_what_is_evaluated_after_a_migration_comes_last(old: Path) -> None:
    store = Store.create(old)
    goal = store.studies()[0]
    before = list(store.evaluations(goal.baseline_id, goal.bench_id))
    new = evaluation(made=distinct(1)[0])
    store.add_candidate(new.candidate, goal.baseline_id, new.validation)
    store.add_structure(new.candidate.recipe.structure_id, goal.bench_id, new.figures, "")
    assert list(store.evaluations(goal.baseline_id, goal.bench_id)) == [*before, new.recipe_id]


def newer(folder: Path) -> Path:
    with statements(store_with(folder, [])) as execute:
        execute("UPDATE search_version SET version_num = :later", {"later": str(LATEST + 1)})
    return folder


@pytest.mark.parametrize("words", [["rank"], ["status"], ["export", "--to", "front.csv"], ["confirm"], []])
def test_a_store_of_a_newer_version_is_refused_by_name(user: User, tmp_path: Path, words: list[str]) -> None:
    folder = newer(tmp_path / "store")
    before = contents(folder)
    status, out, err = user.types(*words, "--store", folder)
    assert (status, out) == (REQUEST, "")
    assert f"{folder}/search.db was written by a newer version of this program" in err
    assert "update this program, or name another --store" in err
    assert err.count("\n") == 1
    after = contents(folder)
    assert {name: after[name] for name in before} == before


MIGRATED_UNTIL = """
import os, signal, sys
from pathlib import Path
import search.store.migration as migration
from search.store.store import Store

def kill(*words, **named):
    os.kill(os.getpid(), signal.SIGKILL)

name, when = sys.argv[2:]
owner = __import__("alembic.command").command if name == "upgrade" else migration
if when == "before":
    setattr(owner, name, kill)
else:
    whole = getattr(owner, name)
    setattr(owner, name, lambda *words, **named: (whole(*words, **named), kill()))
Store.create(Path(sys.argv[1]))
"""


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("name", ["_copy", "upgrade", "_migrate", "prepare"])
def test_a_kill_while_migrating_leaves_one_schema_or_the_other(old: Path, name: str, when: str) -> None:
    before = dump(old / "search.db")
    words = [sys.executable, "-c", MIGRATED_UNTIL, str(old), name, when]
    completed = subprocess.run(words, cwd=ROOT, capture_output=True)
    assert completed.returncode == -signal.SIGKILL, completed.stderr
    finished = (name, when) == ("prepare", "after")
    assert version_of(open_database(f"sqlite:///{old / 'search.db'}")) == (LATEST if finished else FIRST)
    if not finished:
        assert dump(old / "search.db") == before
    Store.create(old)
    assert differences(f"sqlite:///{old / 'search.db'}") == []
    assert dump(copy_of(old / "search.db", FIRST)) == before


def test_order_comes_from_the_database_whatever_the_clock_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = store_with(tmp_path, [])
    new = [evaluation(made=recipe) for recipe in distinct(3)]
    for hour, result in enumerate(new):
        # A client whose clock goes backwards.
        monkeypatch.setattr("time.time", lambda hour=hour: 1e9 - 3600 * hour)
        keep(store, result)
        structure_id = result.candidate.recipe.structure_id
        store.add_structure(structure_id, BENCH.id, result.figures, "", [str(hour), f"{hour} again"])
        store.use_study(GOAL)
    ids = [result.recipe_id for result in new]
    assert list(store.evaluations(GOAL.baseline_id, BENCH.id))[1:] == ids
    assert list(store.raw(BENCH.id))[1:] == [result.candidate.recipe.structure_id for result in new]
    assert store.traces(new[1].candidate.recipe.structure_id, BENCH.id) == ["1", "1 again"]
