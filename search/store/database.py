"""The database behind the store: whatever SQLAlchemy speaks; SQLite is read without it."""

import math
import os
import re
import sqlite3
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from evaluators.errors import RigError
from space.errors import RequestError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

    from search.store.outage import Outage

Row = tuple[Any, ...]
Parameters = Mapping[str, Any]

_SQLITE = "sqlite:///"
# How long one waits for another's commit.
_BUSY_S = 30.0
# A connection of a server that was not used for so long may be closed; what is noted of it is when it was used last.
_STOOD_STILL_S = 5.0
_AT = "used_at"
# Packages that hold a driver whose module has another name; PostgreSQL's is an extra of ours.
_PACKAGES = {"psycopg": "'ondevice-search[postgres]'", "psycopg2": "psycopg2-binary", "MySQLdb": "mysqlclient"}
_POSTGRESQL = "postgresql://"
_GO_ON = "the same command goes on then"
# Parameters of libpq ("Parameter Key Words" of PostgreSQL's manual); times in seconds, but tcp_user_timeout and the
# option of the server in milliseconds. All are shorter than a lease lasts.
_LIBPQ = {
    "connect_timeout": 10,
    "keepalives_idle": 10,
    "keepalives_interval": 5,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
    "options": "-c idle_in_transaction_session_timeout=30000",
}
# Codes of PostgreSQL (its manual, "Error Codes") of what passes: connections that fail (class 08), a server that stops
# or starts, or closed a connection that stood still, has none free; a deadlock, or a transaction that came too late.
_PASSING = ("08", "57P01", "57P02", "57P03", "25P03", "53300", "40P01", "40001")


class StoreError(RigError):
    """The database: damaged, unreachable, in use for too long, on a full disk."""


class StoreAway(StoreError):
    """The database's server is not reached now, or undid a transaction for another one's sake: it may be asked
    again."""


class Database(Protocol):
    url: str
    # What waits for the server where a read fails; None for who reads alone, who is told at once.
    outage: "Outage | None"

    @property
    def shared(self) -> bool:
        """Whether several writers may be at work on one study."""
        ...

    @property
    def path(self) -> Path | None:
        """The database's file; None where the database is no file."""
        ...

    def has_table(self, name: str) -> bool:
        """False for a database that is not there; StoreError for one that does not answer."""
        ...

    def rows(self, sql: str, parameters: Parameters = ...) -> list[Row]:
        """The rows of a SELECT in the words that all databases share."""
        ...

    def transaction(self) -> AbstractContextManager["Connection"]:
        """All of the body's statements, or none."""
        ...


def with_driver(url: str) -> str:
    """The URL with a driver: where nobody says which driver, it is psycopg, unless the former one of SQLAlchemy's is
    there."""
    if url.startswith(_POSTGRESQL) and find_spec("psycopg2") is None:
        return url.replace(_POSTGRESQL, "postgresql+psycopg://", 1)
    return url


def open_database(url: str) -> Database:
    if url.startswith("sqlite") and url.partition("://")[2].partition("?")[0] in ("", "/", "/:memory:"):
        raise RequestError(f"--storage {url} names no file, and would keep nothing; e.g. sqlite:///search.db")
    return _Sqlite(url) if url.startswith(_SQLITE) else _SqlAlchemy(url)


class _SqlAlchemy:
    outage: "Outage | None" = None

    def __init__(self, url: str) -> None:
        self.url = url
        # What cannot be opened is said at once.
        _ = self._engine

    @cached_property
    def _engine(self) -> "Engine":
        import sqlalchemy

        try:
            if not self.url.startswith("sqlite"):
                engine = sqlalchemy.create_engine(self.url, **server_options(self.url))
                _look_at_those_that_stood_still(engine)
                return engine
            # Threads and processes never share a connection of SQLite's; when a transaction begins is said below.
            return sqlalchemy.create_engine(
                self.url,
                poolclass=sqlalchemy.NullPool,
                connect_args={"timeout": _BUSY_S, "isolation_level": None},
            )
        except ModuleNotFoundError as error:
            module = error.name or str(error)
            package = _PACKAGES.get(module, module)
            raise RequestError(
                f"--storage {without_password(self.url)}: its driver {module} is not installed; pip install {package}"
            ) from error
        except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
            first = str(error).splitlines()[0]
            raise RequestError(f"--storage {without_password(self.url)}: {first}; e.g. sqlite:///search.db") from error

    @property
    def path(self) -> Path | None:
        return _path(self.url) if self.url.startswith("sqlite") else None

    @property
    def shared(self) -> bool:
        return self.url.startswith("postgresql")

    def has_table(self, name: str) -> bool:
        import sqlalchemy

        with store_faults(self.url), self._engine.connect() as connection:
            return bool(sqlalchemy.inspect(connection).has_table(name))

    def rows(self, sql: str, parameters: Parameters = {}) -> list[Row]:  # noqa: B006
        if self.outage is not None:
            return self.outage.through(lambda: self._rows(sql, parameters))
        try:
            return self._rows(sql, parameters)
        except StoreAway:
            # The server may have closed a connection that was used a moment ago: a new one is made.
            return self._rows(sql, parameters)

    def _rows(self, sql: str, parameters: Parameters) -> list[Row]:
        import sqlalchemy

        with store_faults(self.url), self._reading.connect() as connection:
            return [tuple(row) for row in connection.execute(sqlalchemy.text(sql), dict(parameters))]

    @cached_property
    def _reading(self) -> "Engine":
        """One statement is a transaction of its own: its beginning and its end take as long as it does."""
        return self._engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def transaction(self) -> Iterator["Connection"]:
        with store_faults(self.url), self._engine.begin() as connection:
            if self.path is not None:
                # A reader does not stop a writer, nor a writer a reader.
                connection.exec_driver_sql("PRAGMA journal_mode = WAL")
                # What is read in a transaction has to hold until its end.
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            yield connection


def server_options(url: str) -> dict[str, Any]:
    """How a server is connected to. PostgreSQL's drivers give up who does not answer, and its server who stands still
    in the middle of a transaction, whose locks would hold up all others."""
    address, _, query = url.partition("?")
    if not address.startswith(("postgresql://", "postgresql+psycopg://", "postgresql+psycopg2://")):
        return {}
    named = {word.partition("=")[0] for word in query.split("&")}
    words = {name: value for name, value in _LIBPQ.items() if name not in named}
    return {"connect_args": words}


def _look_at_those_that_stood_still(engine: "Engine") -> None:
    """A connection that the server closed meanwhile is noticed before it is used: asked each time, that would be half
    of all that is asked."""
    import sqlalchemy

    def checked_in(connection: Any, record: Any) -> None:
        record.info[_AT] = time.monotonic()

    def checked_out(connection: Any, record: Any, proxy: Any) -> None:
        if time.monotonic() - record.info.get(_AT, math.inf) > _STOOD_STILL_S:
            try:
                engine.dialect.do_ping(connection)
            except engine.dialect.loaded_dbapi.Error as error:
                raise sqlalchemy.exc.DisconnectionError from error

    sqlalchemy.event.listen(engine, "checkin", checked_in)
    sqlalchemy.event.listen(engine, "checkout", checked_out)


class _Sqlite(_SqlAlchemy):
    """Read through Python's own module: importing SQLAlchemy takes longer than the rest of `status`. A statement that
    reads is therefore text, in the words that all databases share; what writes is SQLAlchemy's."""

    def __init__(self, url: str) -> None:
        self.url = url

    def has_table(self, name: str) -> bool:
        path = _path(self.url)
        try:
            path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return False
        except OSError as error:
            raise StoreError(f"{path} cannot be read: {error.strerror}; {_ANOTHER}") from error
        return bool(self.rows("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = :name", {"name": name}))

    def rows(self, sql: str, parameters: Parameters = {}) -> list[Row]:  # noqa: B006
        with store_faults(self.url):
            try:
                # Reading makes no file where there is none.
                return self._read("mode=rw", sql, parameters)
            except sqlite3.OperationalError:
                if not _whole_and_still(_path(self.url)):
                    raise
                return self._read("mode=ro&immutable=1", sql, parameters)

    def _read(self, mode: str, sql: str, parameters: Parameters) -> list[Row]:
        name = f"{_path(self.url).absolute().as_uri()}?{mode}"
        with closing(sqlite3.connect(name, timeout=_BUSY_S, isolation_level=None, uri=True)) as connection:
            return connection.execute(sql, parameters).fetchall()


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


def _whole_and_still(path: Path) -> bool:
    """SQLite reads a database with a write-ahead log by files that it makes beside it (sqlite.org/wal.html, "Read-Only
    Databases"). In a folder where it may not, and where nobody who may has left a log, all there is lies in the file.
    """
    log = path.with_name(f"{path.name}-wal")
    return not os.access(path.parent, os.W_OK) and not (log.exists() and log.stat().st_size)


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
            at_fault = (
                isinstance(error, kinds)
                or type(error) is sqlalchemy.exc.DatabaseError
                or (error.connection_invalidated and not isinstance(error.orig, sqlite3.Error))
            )
            return error.orig if at_fault and isinstance(error.orig, Exception) else None
        # The second is what Optuna ends with that goes on in a session whose connection was lost.
        if isinstance(error, sqlalchemy.exc.TimeoutError | sqlalchemy.exc.PendingRollbackError):
            return error
    at_fault = isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError
    return error if at_fault and isinstance(error, sqlite3.Error) else None


_ANOTHER = "make it accessible, or name another with --store or --storage"
_DAMAGED = (
    "the database is damaged; put a copy of it back, or save what can be read (sqlite3 search.db .recover), or begin "
    "anew with another --store"
)
# What each of SQLite's primary result codes (sqlite.org/rescode.html) means, and what to do.
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
        code = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
        # Without a code it was no answer of a server.
        kind = StoreAway if code is None or code.startswith(_PASSING) else StoreError
        return kind(
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
