"""Migration: a database gets the tables of the latest schema; of an earlier one it is brought there, a copy beside."""

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from sqlalchemy import Connection, insert
from sqlalchemy.exc import IntegrityError, ProgrammingError

from search.store.database import Database
from search.store.tables import METADATA, SEQUENCE
from search.store.version import LATEST, VERSION_TABLE, version_of
from space.files import written_whole


def prepare(database: Database) -> None:
    """What is there already stays; all of it is one transaction, so that a kill leaves the former schema whole."""
    if version_of(database) == LATEST:
        return
    try:
        _prepare(database)
    except (IntegrityError, ProgrammingError):
        # On a server, where nobody can lock what is not there yet, another process may have done the same meanwhile.
        if version_of(database) != LATEST:
            raise


def _prepare(database: Database) -> None:
    with database.transaction() as connection:
        # SQLite lets one in after the other: the one before may have done it.
        version = version_of(database)
        if version is None:
            _make(connection)
        elif version < LATEST:
            if database.path is not None:
                _copy(database.path, version)
            _migrate(connection)


def copy_of(path: Path, version: int) -> Path:
    """Where the copy of a database lies that was migrated today."""
    return path.with_name(f"{path.name}.version-{version}-{time.strftime('%Y-%m-%d')}")


def _make(connection: Connection) -> None:
    """Makes the tables of the latest schema at once; the tests hold that migrating ends at the same."""
    METADATA.create_all(connection)
    connection.execute(insert(SEQUENCE).values(number=0))
    connection.exec_driver_sql(f"CREATE TABLE {VERSION_TABLE} (version_num VARCHAR(32) NOT NULL PRIMARY KEY)")
    connection.exec_driver_sql(f"INSERT INTO {VERSION_TABLE} VALUES ('{LATEST}')")  # noqa: S608


def _copy(path: Path, version: int) -> None:
    """SQLite's own way, as what was written last may lie in files beside it."""
    with (
        written_whole(copy_of(path, version)) as beside,
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(beside)) as target,
    ):
        source.backup(target)


def _migrate(connection: Connection) -> None:
    # Alembic loads for as long as `status` runs, and is wanted once in the life of a store.
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "search.store:migrations")
    config.attributes["connection"] = connection
    command.upgrade(config, str(LATEST))
