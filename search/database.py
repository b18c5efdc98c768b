"""The database behind the store: SQL with named parameters, on SQLite directly or on whatever SQLAlchemy speaks."""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any, Protocol

from space.errors import RequestError

Row = tuple[Any, ...]
Parameters = Mapping[str, Any]
Execute = Callable[[str, Parameters], object]

_SQLITE = "sqlite:///"
# How long one waits for another's commit.
_BUSY_S = 30.0


class Database(Protocol):
    url: str

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
        self.path = Path(url.removeprefix(_SQLITE))

    def _connect(self) -> sqlite3.Connection:
        # A connection for each use: threads and processes never share one.
        connection = sqlite3.connect(self.path, timeout=_BUSY_S, isolation_level=None)
        connection.execute("PRAGMA foreign_keys = ON")
        return connection

    def rows(self, sql: str, parameters: Parameters = {}) -> list[Row]:  # noqa: B006
        with _said_plainly(self.url), closing(self._connect()) as connection:
            return connection.execute(sql, parameters).fetchall()

    @contextmanager
    def transaction(self) -> Iterator[Execute]:
        with _said_plainly(self.url), closing(self._connect()) as connection:
            # A reader does not stop a writer, nor a writer a reader.
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection.execute
                connection.execute("COMMIT")
            except BaseException:
                connection.execute("ROLLBACK")
                raise


class _SqlAlchemy:
    def __init__(self, url: str) -> None:
        import sqlalchemy

        self.url = url
        self._text = sqlalchemy.text
        try:
            self._engine = sqlalchemy.create_engine(url)
        except (sqlalchemy.exc.SQLAlchemyError, ImportError) as error:
            raise RequestError(f"--storage {url}: {str(error).splitlines()[0]}; e.g. sqlite:///search.db") from error

    def rows(self, sql: str, parameters: Parameters = {}) -> list[Row]:  # noqa: B006
        with self._said_plainly(), self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(self._text(sql), dict(parameters))]

    @contextmanager
    def transaction(self) -> Iterator[Execute]:
        with self._said_plainly(), self._engine.begin() as connection:
            yield lambda sql, parameters: connection.execute(self._text(sql), dict(parameters))

    @contextmanager
    def _said_plainly(self) -> Iterator[None]:
        import sqlalchemy

        try:
            yield
        except (sqlalchemy.exc.OperationalError, sqlalchemy.exc.DatabaseError) as error:
            raise RequestError(f"--storage {self.url}: {str(error.orig or error).splitlines()[0]}") from error


@contextmanager
def _said_plainly(url: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.DatabaseError as error:
        raise RequestError(f"{url}: {error}") from error
