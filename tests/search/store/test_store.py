import contextlib
import os
import re
import resource
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from search.commands.exit_status import REQUEST, RIG
from search.store.database import StoreError
from search.store.store import Store
from search.store.trials import COMPLETE, RUNNING
from search.store.writing import writing
from space.errors import RequestError
from space.files import written_whole
from tests.evaluators.device.sshd import free_port
from tests.search.made_up import BENCH, DEVICE, GOAL, distinct, evaluation, keep, statements, store_with
from tests.search.user import User
from tests.search.whole import ROOT, SEARCH, copy


def test_an_evaluation_comes_back_as_it_was_kept(tmp_path):
    result = evaluation(share=0.75, latency_ms=2.0, test=0.73, made=distinct(1)[0])
    store = store_with(tmp_path, [result])
    back = store.evaluation(result.recipe_id, GOAL)
    assert back is not None
    assert (back.figures, back.validation, back.confirmation) == (
        result.figures,
        result.validation,
        result.confirmation,
    )
    assert back.candidate.recipe == result.candidate.recipe
    assert back.candidate.file == tmp_path / "candidates" / result.candidate.file


def test_recipes_of_one_structure_share_its_measurement(tmp_path):
    store = store_with(tmp_path, [evaluation(0, latency_ms=2.0)])
    other = evaluation(1)
    store.add_candidate(other.candidate, GOAL.baseline_id, other.validation)
    shared = store.evaluation(other.recipe_id, GOAL)
    assert shared is not None
    assert shared.figures.latency_s == pytest.approx(2e-3)


def test_what_was_measured_on_another_bench_does_not_count(tmp_path):
    result = evaluation(made=distinct(1)[0])
    store = store_with(tmp_path, [result])
    assert store.evaluations(GOAL.baseline_id, "another bench") == {}


def test_a_failed_transaction_leaves_nothing(tmp_path):
    store = store_with(tmp_path, [])
    with contextlib.suppress(ZeroDivisionError), statements(store) as execute:
        execute("INSERT INTO search_facts (name, value) VALUES ('a', '1')", {})
        raise ZeroDivisionError
    assert store.fact("a") is None


def test_a_confirmation_and_its_traces_are_kept_together_or_not_at_all(tmp_path):
    result = evaluation(made=distinct(1)[0])
    store = store_with(tmp_path, [result])
    confirmation = evaluation(test=0.8).confirmation
    words = (result.recipe_id, GOAL.baseline_id, BENCH.id, confirmation, "")
    with pytest.raises(ZeroDivisionError):
        store.add_confirmation(*words, traces=(str(1 / left) for left in (1, 0)))
    assert store.evaluation(result.recipe_id, GOAL).confirmation is None
    assert store.traces(result.structure_id, BENCH.id) == []
    store.add_confirmation(*words, traces=["first", "second"])
    assert store.evaluation(result.recipe_id, GOAL).confirmation == confirmation
    assert store.traces(result.structure_id, BENCH.id) == ["first", "second"]


def test_reading_makes_no_store(tmp_path):
    with pytest.raises(RequestError, match="holds no study yet"):
        Store.existing(tmp_path / "absent")
    assert not (tmp_path / "absent").exists()


def garbage(path):
    path.write_bytes(b"not a database, but long enough to look like one" * 100)


def cut_short(path):
    """The file is as a copy that was broken off: its header promises more pages than there are."""
    store_with(path.parent, [])
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
    connection.close()
    os.truncate(path, path.stat().st_size // 2)


def a_folder(path):
    path.mkdir()


DAMAGE = [
    (garbage, "file is not a database: the database is damaged; put a copy of it back"),
    (cut_short, "malformed: the database is damaged; put a copy of it back"),
    (a_folder, "Is a directory; make it accessible, or name another"),
]


@pytest.mark.parametrize("url", [None, "sqlite+pysqlite:///{file}"])
@pytest.mark.parametrize(("damage", "message"), DAMAGE)
def test_a_damaged_database_is_named_with_what_to_do(tmp_path, damage, message, url):
    file = tmp_path / "search.db"
    damage(file)
    url = url and url.format(file=file)
    for opened in (Store.existing, Store.create):
        with pytest.raises(StoreError, match=message) as error:
            opened(tmp_path, url)
        assert str(file) in str(error.value)


@pytest.mark.parametrize("words", [["rank"], ["status"], ["export", "--to", "front.csv"], ["confirm"], []])
def test_a_damaged_database_ends_a_command_with_one_line_and_its_status(user: User, tmp_path, words):
    store = tmp_path / "store"
    store.mkdir()
    garbage(store / "search.db")
    status, out, err = user.types(*words, "--store", store)
    assert (status, out) == (RIG, "")
    assert err.startswith(f"error: {store}/search.db: file is not a database: the database is damaged; ")
    assert err.count("\n") == 1


@pytest.mark.whole
def test_optunas_own_tables_are_damaged(user: User, started, tmp_path):
    """What they say ends a search in one line, too."""
    folder = copy(started, tmp_path / "store")
    with sqlite3.connect(folder / "search.db") as connection:
        connection.execute("ALTER TABLE trials RENAME COLUMN state TO condition")
    connection.close()
    status, _, err = user.types(*SEARCH, "--objective", "latency", "--store", folder, "--trials", 1)
    assert status == RIG
    assert "no such column: trials.state; was it made by another version" in err.splitlines()[-1]
    assert "Traceback" not in err


def test_a_database_that_nobody_serves_is_no_empty_one(user: User, tmp_path):
    pytest.importorskip("psycopg")
    url = f"postgresql://lena:secret@127.0.0.1:{free_port()}/studies"
    for words in (["rank"], ["status"], []):
        status, _, err = user.types(*words, "--store", tmp_path / "store", "--storage", url)
        assert status == RIG
        assert "Connection refused; is its server running" in err
        assert "://lena:***@127.0.0.1" in err
        assert "secret" not in err


def test_a_driver_that_is_not_installed_is_named(user: User, tmp_path):
    url = "postgresql+asyncpg://lena:secret@127.0.0.1/studies"
    status, _, err = user.types("rank", "--store", tmp_path, "--storage", url)
    assert status == REQUEST
    assert err == (
        "error: --storage postgresql+asyncpg://lena:***@127.0.0.1/studies: its driver asyncpg is not installed; "
        "pip install asyncpg\n"
    )


# Somebody else, after Python is loaded, which that user may not be allowed to.
AS_ANOTHER = """
import os, sys
from search.store.store import Store
os.setgroups([])
os.setgid(65533)
os.setuid(65533)
from pathlib import Path
Store.existing(Path(sys.argv[1]))
"""


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
@pytest.mark.parametrize(("file", "mode"), [("", 0o700), ("search.db", 0o600)])
def test_a_store_that_may_not_be_read_is_no_empty_one(file, mode):
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        store_with(store, [])
        for path, open_to_all in ((Path(folder), 0o755), (store, 0o777), (store / "search.db", 0o666)):
            path.chmod(open_to_all)
        (store / file).chmod(mode)
        completed = subprocess.run([sys.executable, "-c", AS_ANOTHER, store], cwd=ROOT, capture_output=True, text=True)
    assert "StoreError" in completed.stderr.splitlines()[-1]
    assert "Permission denied; make it accessible" in completed.stderr.splitlines()[-1]


@pytest.mark.skipif(os.getuid() != 0, reason="only root can be somebody else")
@pytest.mark.parametrize("log", [False, True])
def test_a_store_in_a_folder_that_nobody_may_write_to_is_read(log):
    """SQLite makes files beside a database that it reads; `log`: a writer left some, as it was killed."""
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder) / "store"
        store_with(store, [])
        with contextlib.closing(sqlite3.connect(store / "search.db")) as writer:
            writer.execute("PRAGMA journal_mode = WAL")
            if log:
                writer.execute("INSERT INTO search_facts (name, value) VALUES ('a', '1')")
                writer.commit()
                for file in store.glob("search.db*"):
                    shutil.copyfile(file, file.with_name(f"{file.name}.kept"))
        for file in store.glob("search.db*.kept"):
            file.rename(file.with_suffix(""))
        for path, read_only in ((Path(folder), 0o755), *((file, 0o444) for file in store.iterdir()), (store, 0o555)):
            path.chmod(read_only)
        words = [sys.executable, "-c", f"{AS_ANOTHER}\nprint(Store(Path(sys.argv[1])).fact('a'))", store]
        completed = subprocess.run(words, cwd=ROOT, capture_output=True, text=True)
    assert (completed.stdout, completed.stderr) == ("1\n" if log else "None\n", "")


@contextlib.contextmanager
def small_files(most: int):
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_a_candidate_that_there_is_no_room_for_ends_a_run_with_what_to_do(tmp_path):
    with (
        pytest.raises(StoreError, match=r"File too large: its disk is full, .*; make room, the same command goes on"),
        writing(tmp_path) as store,
        small_files(10_000),
        written_whole(store.candidates / "a.onnx") as path,
    ):
        path.write_bytes(bytes(20_000))
    assert list(store.candidates.iterdir()) == []


def test_a_full_disk_is_named_whatever_a_library_says_of_it(tmp_path):
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", disk], capture_output=True).returncode:
        pytest.skip("only root can mount a small disk")
    try:
        with (
            pytest.raises(StoreError, match=f"{disk}/candidates/a.npy: No space left on device: its disk is full"),
            writing(disk) as store,
            written_whole(store.candidates / "a.npy") as path,
            path.open("wb") as file,
        ):
            np.save(file, np.zeros(1_000_000))
    finally:
        subprocess.run(["umount", disk], check=True)


def test_an_empty_database_holds_no_study_yet(tmp_path):
    (tmp_path / "search.db").touch()
    with pytest.raises(RequestError, match="holds no study yet"):
        Store.existing(tmp_path)


def test_reading_another_database_makes_no_file(tmp_path):
    with pytest.raises(RequestError, match="holds no study yet"):
        Store.existing(tmp_path, f"sqlite:///{tmp_path / 'nowhere.db'}")
    assert list(tmp_path.iterdir()) == []


def test_a_database_in_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(RequestError, match=f"there is no folder {tmp_path}/nowhere"):
        Store.create(tmp_path, f"sqlite:///{tmp_path}/nowhere/search.db")


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
    result = evaluation(made=distinct(1)[0])
    keep(store, result)
    keep(store, result)
    assert store.evaluations(GOAL.baseline_id, GOAL.bench_id)[result.recipe_id].figures == result.figures
    assert store.bench(BENCH.id) == BENCH


def test_a_storage_that_nobody_speaks_is_refused(tmp_path):
    with pytest.raises(RequestError, match="--storage"):
        Store.create(tmp_path, "oracle-of-delphi://here")


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "sqlite+pysqlite://"])
def test_a_storage_that_keeps_nothing_is_refused(tmp_path, url):
    with pytest.raises(RequestError, match=f"--storage {re.escape(url)} names no file"):
        Store.create(tmp_path, url)


def test_a_damaged_evaluation_is_named_with_its_field(user: User, tmp_path):
    result = evaluation(made=distinct(1)[0])
    with statements(store_with(tmp_path, [result])) as execute:
        words = {"id": result.structure_id, "old": '"latency_s"', "new": '"latency"'}
        execute("UPDATE search_structures SET figures = REPLACE(figures, :old, :new) WHERE structure_id = :id", words)
    status, out, err = user.types("rank", "--store", tmp_path)
    assert (status, out) == (RIG, "")
    assert err.startswith(
        f"error: sqlite:///{tmp_path}/search.db: what is kept of recipe {result.recipe_id} is damaged "
    )
    assert "Figures: unknown field latency" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("table", "column", "subject"),
    [
        ("search_studies", "content", f"study {GOAL.id}"),
        ("search_benches", "content", f"bench {BENCH.id}"),
        ("search_benches", "device", f"the device of bench {BENCH.id}"),
    ],
)
def test_a_field_of_a_newer_version_is_named(user: User, tmp_path, table, column, subject):
    with statements(store_with(tmp_path, [evaluation()])) as execute:
        execute(f"UPDATE {table} SET {column} = :content", {"content": '{"later": 1}'})  # noqa: S608
    status, out, err = user.types("export", "--to", tmp_path / "table.csv", "--store", tmp_path)
    assert (status, out) == (RIG, "")
    assert f"search.db: what is kept of {subject} is damaged or of a newer version: " in err
    assert "unknown field later" in err
    assert err.count("\n") == 1
