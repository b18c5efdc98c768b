"""Leases: who writes to the database, and what one writer alone may do there; kept by a heartbeat, lost with it.

On SQLite the whole database is one writer's, on a server each study is. A trial is its writer's while it runs.
"""

import os
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from search.store.database import StoreError, without_password
from search.store.part import Part
from search.store.process import has_ended, machine, start_of
from search.store.version import FIRST
from space.errors import RequestError

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.orm import Session, scoped_session

    from search.store.write import Write

# How often a writer is heard of, in seconds, and after how long without a word it is taken for gone: five in a row may
# come late, as where the disk is busy.
HEARTBEAT_S, EXPIRES_S = 10.0, 60.0
# The lease of all there is.
_DATABASE = "database"
# A long command is cut to its beginning.
_COMMAND_LETTERS = 600


@dataclass(frozen=True, slots=True)
class Writer:
    """A process that writes."""

    owner: str
    host: str
    machine: str
    pid: int
    started: str
    command: str
    # Unix times by the database's clock.
    since: float
    expires_at: float

    def gone(self, now: float) -> bool:
        """Not heard of for too long, or known to have ended: then it is not waited for."""
        return now > self.expires_at or (self.machine == machine() and has_ended(self.pid, self.started))

    def __str__(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"pid {self.pid} on {self.host} since {since} ({self.command or 'search'})"


class Leases(Part):
    """A store is a writer within `held`; outside it has no leases, and nobody is kept away."""

    @contextmanager
    def held(self) -> Iterator[None]:
        """RequestError, with the name of who writes, while another does."""
        owner = os.urandom(16).hex()
        with self._writing() as write:
            self._enter(write.connection, owner)
            if self._database.path is not None:
                self._take(write.connection, _DATABASE, owner)
        self._owner = owner
        ended = threading.Event()
        heartbeat = threading.Thread(target=self._beat, args=(owner, ended), name="heartbeat", daemon=True)
        heartbeat.start()
        try:
            yield
        finally:
            ended.set()
            heartbeat.join()
            self._owner = None
            # Where the database is gone, the lease is given back by its age.
            with suppress(StoreError, RequestError), self._database.transaction() as connection:
                _remove(connection, owner)

    def guard(self, sessions: "scoped_session[Session]") -> None:
        """What is written through these sessions, as Optuna's tables are, is none of ours once the lease is lost: who
        writes by then has trials with the same numbers."""
        from sqlalchemy import event

        event.listen(sessions, "before_commit", self._check_session)

    def _check_session(self, session: "Session") -> None:
        if self._owner is not None:
            check_held(session.connection(), self._owner, self.url)

    def writers(self) -> list[Writer]:
        """Who writes now, for a person to read."""
        if self.version == FIRST:
            return []
        now = _unix_time(self._database.rows("SELECT CURRENT_TIMESTAMP")[0][0])
        columns = ", ".join(Writer.__slots__)
        rows = self._database.rows(f"SELECT {columns} FROM search_writers ORDER BY since")  # noqa: S608
        return [writer for writer in (Writer(*row) for row in rows) if not writer.gone(now)]

    def trials_of_others(self, study_id: str) -> set[int]:
        """Those that another writer, which is still there, is at work on."""
        if self.version == FIRST:
            return set()
        rows = self._database.rows(
            "SELECT number, owner FROM search_trials WHERE study_id = :study_id AND owner IS NOT NULL",
            {"study_id": study_id},
        )
        others = {writer.owner for writer in self.writers() if writer.owner != self._owner} if rows else set()
        return {int(number) for number, owner in rows if owner in others}

    def take_study(self, study_id: str) -> None:
        """RequestError, with the name of who writes to it, while another does."""
        with self._writing() as write:
            self._take_study(write, study_id)

    def _take_study(self, write: "Write", study_id: str) -> None:
        if self._owner is not None:
            self._take(write.connection, study_id, self._owner)

    def _enter(self, connection: "Connection", owner: str) -> None:
        from sqlalchemy import insert

        from search.store.tables import WRITERS

        now = _clock(connection)
        command = without_password(" ".join(sys.argv[1:]))[:_COMMAND_LETTERS]
        pid, host = os.getpid(), socket.gethostname()
        writer = Writer(owner, host, machine(), pid, start_of(pid) or "", command, now, now + EXPIRES_S)
        connection.execute(insert(WRITERS).values(asdict(writer)))

    def _take(self, connection: "Connection", name: str, owner: str) -> None:
        """Nobody else does so meanwhile: each transaction waits for the one before it."""
        from sqlalchemy import delete, insert, select

        from search.store.tables import LEASES, WRITERS

        holders = select(WRITERS).join(LEASES, LEASES.c.owner == WRITERS.c.owner).where(LEASES.c.name == name)
        for row in connection.execute(holders.where(WRITERS.c.owner != owner)).all():
            writer = Writer(*row)
            if not writer.gone(_clock(connection)):
                what = f"study {name}" if name != _DATABASE else str(self._database.path)
                raise RequestError(f"{what} is in use by {writer}; wait for it, stop it, or name another --storage")
            _remove(connection, writer.owner)
        connection.execute(delete(LEASES).where(LEASES.c.name == name))
        connection.execute(insert(LEASES).values(name=name, owner=owner))

    def _beat(self, owner: str, ended: threading.Event) -> None:
        from sqlalchemy import update

        from search.store.tables import WRITERS

        while not ended.wait(HEARTBEAT_S):
            # What keeps it from the database keeps the run from it too, and is said there.
            with suppress(StoreError, RequestError), self._database.transaction() as connection:
                expires = {"expires_at": _clock(connection) + EXPIRES_S}
                connection.execute(update(WRITERS).where(WRITERS.c.owner == owner).values(expires))


def check_held(connection: "Connection", owner: str, url: str) -> None:
    """A process that was stopped for longer than a lease lasts may have lost it, and then writes no more."""
    from sqlalchemy import select

    from search.store.tables import WRITERS

    if connection.execute(select(WRITERS.c.owner).where(WRITERS.c.owner == owner)).first() is None:
        raise StoreError(
            f"{without_password(url)}: this process stood still for over {EXPIRES_S:g} s, and another one writes now; "
            "what is finished is kept, the same command goes on once the other has ended"
        )


def _remove(connection: "Connection", owner: str) -> None:
    from sqlalchemy import delete

    from search.store.tables import LEASES, WRITERS

    connection.execute(delete(LEASES).where(LEASES.c.owner == owner))
    connection.execute(delete(WRITERS).where(WRITERS.c.owner == owner))


def _clock(connection: "Connection") -> float:
    """By the database, as clients' clocks differ."""
    from sqlalchemy import func, select

    return _unix_time(connection.execute(select(func.current_timestamp())).scalar_one())


def _unix_time(moment: object) -> float:
    """Some databases say it as text, and those without a zone in UTC, or in the server's: always in the same."""
    value = moment if isinstance(moment, datetime) else datetime.fromisoformat(str(moment))
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
