"""The store on PostgreSQL: the same tables, order and leases; several write, each to a study of its own."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text

from search.choosing.optuna_storage import open_storage
from search.results.standings import standings
from search.store import leases
from search.store.database import open_database
from search.store.store import Store
from search.store.version import FIRST, LATEST, version_of
from search.store.writing import at_work, writing
from tests.search.made_up import BENCH, DEVICE, GOAL, distinct, evaluation, keep
from tests.search.store.postgres import served
from tests.search.store.test_leases import Other, elsewhere
from tests.search.store.test_migration import differences
from tests.search.store.test_recorded import LAST
from tests.search.whole import ROOT


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with served() as url:
        yield url


@pytest.fixture
def url(server: str, request: pytest.FixtureRequest) -> str:
    """An empty database."""
    name = "test_" + str(abs(hash(request.node.name)))
    with create_engine(server, isolation_level="AUTOCOMMIT").connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    return server.rpartition("/")[0] + f"/{name}"


def test_a_new_database_holds_what_it_was_told_in_its_order(url: str, tmp_path: Path) -> None:
    assert Store.found(tmp_path, url) is None
    store = Store.create(tmp_path, url)
    assert differences(url) == []
    store.add_bench(BENCH, DEVICE)
    store.use_study(GOAL)
    new = [evaluation(made=recipe, test=0.8) for recipe in distinct(5)]
    with ThreadPoolExecutor(5) as threads:
        # All at once: none of them waits for ever, or takes another one's number.
        list(threads.map(lambda result: keep(Store.existing(tmp_path, url), result), new))
    stored = store.evaluations(GOAL.baseline_id, BENCH.id)
    assert stored.keys() == {result.recipe_id for result in new}
    assert list(Store.existing(tmp_path, url).evaluations(GOAL.baseline_id, BENCH.id)) == list(stored)
    assert [goal.id for goal in store.studies()] == [GOAL.id]
    open_storage(store)
    assert store.evaluations(GOAL.baseline_id, BENCH.id) == stored


def as_first_version(url: str) -> None:
    """The recorded store, in the tables that its version made there."""
    with closing(sqlite3.connect(LAST / "search.db")) as source, create_engine(url).begin() as target:
        tables = source.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name LIKE 'search_%'")
        for name, statement in tables.fetchall():
            target.execute(text(statement))
            rows = source.execute(f"SELECT * FROM {name}")  # noqa: S608
            columns = [column[0] for column in rows.description]
            places = ", ".join(f":{column}" for column in columns)
            insert = text(f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({places})")  # noqa: S608
            for row in rows.fetchall():
                target.execute(insert, dict(zip(columns, row, strict=True)))


def test_an_earlier_version_is_read_as_it_is_and_migrated_by_who_writes(url: str, tmp_path: Path) -> None:
    as_first_version(url)
    old = Store.existing(tmp_path, url)
    goal = old.studies()[0]
    before = standings(old, goal)
    assert version_of(open_database(url)) == FIRST
    with writing(tmp_path / "writer", url):
        assert version_of(open_database(url)) == LATEST
        assert differences(url) == []
    after = standings(Store.existing(tmp_path, url), goal)
    assert [row.recipe_id for row in after.ranked] == [row.recipe_id for row in before.ranked]
    assert after.as_dict() == before.as_dict()


def test_several_are_at_work_on_a_study_and_a_dead_one_is_not_waited_for(url: str, tmp_path: Path) -> None:
    Store.create(tmp_path, url)
    first = Other(tmp_path / "first", url)
    try:
        assert first.does(f"store.take_study({GOAL.id!r})") == "done"
        with writing(tmp_path / "second", url) as store:
            store.use_study(GOAL)
            assert {writer.pid for writer in store.sharing(GOAL.id)} == {first.pid, os.getpid()}
            with store.alone(GOAL.id) as others:
                assert [writer.pid for writer in others] == [first.pid]
            first.kill()
            assert [writer.pid for writer in store.sharing(GOAL.id)] == [os.getpid()]
            with store.alone(GOAL.id) as others:
                assert others == []
                third = Other(tmp_path / "third", url)
                assert third.does(f"store.take_study({GOAL.id!r})") == ""
                assert f"is for a moment in use by pid {os.getpid()} on " in third.errors()
            assert str(at_work(Store.existing(tmp_path, url))).count("pid ") == 1
        assert store.writers() == []
    finally:
        first.process.kill()
        first.process.communicate()


@pytest.mark.parametrize("server_began_long_ago", [True, False])
def test_who_was_not_heard_of_for_too_long_writes_no_more_unless_the_server_was_away(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server_began_long_ago: bool
) -> None:
    Store.create(tmp_path, url)
    first = Other(tmp_path / "first", url)
    try:
        assert first.does(f"store.take_study({GOAL.id!r})") == "done"
        with writing(tmp_path / "second", url) as store:
            monkeypatch.setattr(leases, "EXPIRES_S", 0.1 if server_began_long_ago else 1e6)
            elsewhere(store, expires_at=0)
            store.remove_gone()
            answer = first.does("store.remember('a', 'first')")
            if server_began_long_ago:
                assert answer == ""
                assert "stood still for over 60 s, and others took over" in first.errors()
                assert store.fact("a") is None
            else:
                assert answer == "done"
    finally:
        first.process.kill()
        first.process.communicate()


def test_nothing_of_it_is_wanted_without_its_extra() -> None:
    """This is as where psycopg is not installed; a local search imports its module and everything under it."""
    script = """
import sys
sys.modules["psycopg"] = None
from search.__main__ import main
for words in (["--help"], ["status", "--store", sys.argv[1]]):
    sys.argv = ["search", *words]
    try:
        status = main()
    except SystemExit as end:
        status = end.code
    assert not status, status
import search.commands.run
assert sys.modules["psycopg"] is None
assert not [name for name in sys.modules if name.startswith(("psycopg", "dask", "distributed")) and name != "psycopg"]
"""
    words = [sys.executable, "-c", script, str(LAST)]
    completed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert completed.returncode == 0, completed.stderr
    script = (
        script.partition("from search")[0]
        + """
from search.store.store import Store
Store.existing(".", "postgresql+psycopg://lena@127.0.0.1/studies")
"""
    )
    completed = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True)
    assert "its driver psycopg is not installed; pip install 'ondevice-search[postgres]'" in completed.stderr


def test_three_that_begin_a_database_at_once_make_it_once(url: str, tmp_path: Path) -> None:
    script = "import sys; from pathlib import Path; from search.store.store import Store\n"
    script += "Store.create(Path(sys.argv[1]), sys.argv[2]).remember('a', '1')"
    words = [sys.executable, "-W", "ignore", "-c", script, str(tmp_path), url]
    all_three = [subprocess.Popen(words, stderr=subprocess.PIPE) for _ in range(3)]
    errors = [process.communicate()[1].decode() for process in all_three]
    assert errors == [""] * 3
    assert differences(url) == []
