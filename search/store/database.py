"""The database behind the store: SQL with named parameters, on SQLite directly or on whatever SQLAlchemy speaks."""

import os
import re
import sqlite3
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from evaluators.errors import RigError
from space.errors import RequestError

Row = tuple[Any, ...]
Parameters = Mapping[str, Any]
Execute = Callable[[str, Parameters], object]

_SQLITE = "sqlite:///"
# How long one waits for another's commit.
_BUSY_S = 30.0
# Packages that hold a driver whose module has another name.
_PACKAGES = {"psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}
_GO_ON = "the same command goes on then"


class StoreError(RigError):
    """The database: damaged, unreachable, in use for too long, on a full disk."""


class Database(Protocol):
    url: str

    def has_table(self, name: str) -> bool:
        """False for a database that is not there; StoreError for one that does not answer."""
        ...

    def rows(self, sql: str, parameters: Parameters = ...) -> list[Row]: ...

    def transaction(self) -> AbstractContextManager[Execute]:
        """All of the body's statements, or none."""
        ...


def open_database(url: str) -> Database:
    """SQLite through Python's own module: importing SQLAlchemy alone takes longer than `rank` may."""
    if url.startswith(_SQLITE):
        return _Sqlite(url)
    return _SqlAlchemy(url)


class _Sqlite:
    def __init__(self, url: str) -> None:
        self.url = url
        self.path = _path(url)

    def _connect(self, mode: str) -> sqlite3.Connection:
        # A connection for each use: threads and processes never share one.
        name = f"{self.path.absolute().as_uri()}?mode={mode}"
        connection = sqlite3.connect(name, timeout=_BUSY_S, isolation_level=None, uri=True)
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def has_table(self, name: str) -> bool:
        try:
            self.path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise StoreError(f"{self.path} cannot be read: {error.strerror}; {_ANOTHER}") from error
        return bool(self.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = :name", {"name": name}))

    def rows(self, sql: str, parameters: Parameters = {}) -> list[Row]:  # noqa: B006
        # Reading makes no file where there is none.
        with store_faults(self.url), closing(self._connect("rw")) as connection:
            return connection.execute(sql, parameters).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[Execute]:
        with store_faults(self.url), closing(self._connect("rwc")) as connection:
            # A reader does not stop a writer, nor a writer a reader.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection.execute
                connection.execute("COMMIT")
            except BaseException:
                # SQLite rolls back by itself where the disk is full.
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise


class _SqlAlchemy:
    def __init__(self, url: str) -> None:
        import sqlalchemy

        self.url = url
        self._text = sqlalchemy.text
        self._inspect = sqlalchemy.inspect
        try:
            self._engine = sqlalchemy.create_engine(url)
        except ModuleNotFoundError as error:
            module = error.name or str(error)
            package = _PACKAGES.get(module, module)
            raise RequestError(
                f"--storage {without_password(url)}: its driver {module} is not installed; pip install {package}"
            ) from error
        except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
            first = str(error).splitlines()[0]
            raise RequestError(f"--storage {without_password(url)}: {first}; e.g. sqlite:///search.db") from error

    def has_table(self, name: str) -> bool:
        with store_faults(self.url), self._engine.connect() as connection:
            return bool(self._inspect(connection).has_table(name))

    def rows(self, sql: str, parameters: Parameters = {}) -> list[Row]:  # noqa: B006
        with store_faults(self.url), self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(self._text(sql), dict(parameters))]

    @contextmanager
    def transaction(self) -> Iterator[Execute]:
        with store_faults(self.url), self._engine.begin() as connection:
            yield lambda sql, parameters: connection.execute(self._text(sql), dict(parameters))


@contextmanager
def store_faults(url: str) -> Iterator[None]:
    """What SQLite, SQLAlchemy and Optuna raise where the database does not answer becomes a StoreError.

    What they raise where a statement is wrong is a bug, and stays what it is.
    """
    try:
        yield
    except Exception as error:
        cause = _cause(error)
        if cause is None:
            raise
        raise _named(url, cause) from error


def without_password(url: str) -> str:
    return re.sub(r"(//[^:/@]*):[^@]*@", r"\1:***@", url)


def _path(url: str) -> Path:
    return Path(url.partition(":///")[2])


def _cause(error: BaseException) -> Exception | None:
    """The driver's own error, where the database or its server is at fault."""
    if "optuna" in sys.modules:
        import optuna

        if isinstance(error, optuna.exceptions.StorageInternalError) and error.__cause__ is not None:
            error = error.__cause__
    if "sqlalchemy" in sys.modules:
        import sqlalchemy

        if isinstance(error, sqlalchemy.exc.DBAPIError):
            # A damaged file is a plain DatabaseError, and of its subclasses these two are no mistakes of ours.
            kinds = (sqlalchemy.exc.OperationalError, sqlalchemy.exc.InternalError)
            at_fault = isinstance(error, kinds) or type(error) is sqlalchemy.exc.DatabaseError
            return error.orig if at_fault and isinstance(error.orig, Exception) else None
        if isinstance(error, sqlalchemy.exc.TimeoutError):
            return error
    at_fault = isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError
    return error if at_fault and isinstance(error, sqlite3.Error) else None


_ANOTHER = "make it accessible, or name another with --store or --storage"
_DAMAGED = (
    "the database is damaged; put a copy of it back, or save what can be read (sqlite3 search.db .recover), or begin "
    "anew with another --store"
)
# By SQLite's primary result codes (sqlite.org/rescode.html): what it means, and what to do.
_SQLITE_FAULTS = {
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: _DAMAGED,
    sqlite3.SQLITE_BUSY: f"another process has held it for {_BUSY_S:g} s; wait for it or stop it, {_GO_ON}",
    sqlite3.SQLITE_FULL: f"its disk is full; make room, {_GO_ON}",
    sqlite3.SQLITE_IOERR: f"its disk fails; look at the disk (dmesg) and at the room on it, {_GO_ON}",
    sqlite3.SQLITE_READONLY: f"it cannot be written to; {_ANOTHER}",
    sqlite3.SQLITE_PERM: f"it cannot be used; {_ANOTHER}",
}


def _named(url: str, error: Exception) -> StoreError | RequestError:
    first = (str(error).splitlines() or [type(error).__name__])[0]
    if not isinstance(error, sqlite3.Error):
        return StoreError(
            f"--storage {without_password(url)} cannot be used: {first}; "
            f"is its server running, and are its address and login right? {_GO_ON}"
        )
    path = _path(url)
    # The lowest byte is the primary code, the others say where it came from.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
    if code == sqlite3.SQLITE_CANTOPEN:
        if not path.parent.is_dir():
            return RequestError(f"--storage {url}: there is no folder {path.parent}")
        return StoreError(f"{path} cannot be opened: {_why_not_opened(path)}; {_ANOTHER}")
    if code in _SQLITE_FAULTS:
        return StoreError(f"{path}: {first}: {_SQLITE_FAULTS[code]}")
    return StoreError(f"{path}: {first}; was it made by another version of this program?")


def _why_not_opened(path: Path) -> str:
    """SQLite does not say."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_NONBLOCK))
    except OSError as error:
        return error.strerror or type(error).__name__
    return "its folder cannot be written to"
