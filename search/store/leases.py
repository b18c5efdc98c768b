"""Leases: who writes to the database, and what one writer alone may do there; kept by a heartbeat, lost with it.

On SQLite the whole database is one writer's. On PostgreSQL several are at work on a study, each with a share of it; on
another server each study is one writer's. A trial is its writer's while it runs, and so is its recipe.
"""

import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence, Set
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from search.store.database import StoreError, without_password
from search.store.outage import Outage, to_stderr
from search.store.part import Part, lasting
from search.store.process import has_ended, machine, start_of
from search.store.version import FIRST, WITH_CLAIMS
from space.errors import RequestError

if TYPE_CHECKING:
    from sqlalchemy import Connection
    from sqlalchemy.orm import ORMExecuteState, Session, scoped_session

    from search.store.write import Write

# How often a writer is heard of, in seconds, and after how long without a word it is taken for gone: five in a row may
# come late, as where the disk is busy.
HEARTBEAT_S, EXPIRES_S = 10.0, 60.0
# The lease of all there is.
_DATABASE = "database"
# What a server says of its clock, and of when it began.
_SERVER_TIMES = ("CURRENT_TIMESTAMP", "pg_postmaster_start_time()")
# Seconds between two looks whether what another one has alone is free.
_TURN_S = 2.0
# What is noted of a session that has written.
_WROTE = "wrote"
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
    # These are Unix times by the database's clock.
    since: float
    expires_at: float

    def gone(self, now: float) -> bool:
        """Whether the writer was not heard of for too long, or known to have ended: then it is not waited for. `now`:
        by the database's clock, and not later than up to when everybody could be heard of."""
        return now > self.expires_at or (self.machine == machine() and has_ended(self.pid, self.started))

    def __str__(self) -> str:
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(self.since))
        return f"pid {self.pid} on {self.host} since {since} ({self.command or 'search'})"


class Leases(Part):
    """A store is a writer within `held`; outside it has no leases, and nobody is kept away."""

    # This tells a writer what is not raised, as that the database is waited for.
    say: Callable[[str], None] = staticmethod(to_stderr)

    @contextmanager
    def held(self) -> Iterator[None]:
        """RequestError, with the name of who writes, while another does."""
        owner = os.urandom(16).hex()
        with self._writing() as write:
            self._enter(write.connection, owner)
            if self._database.path is not None:
                self._take(write.connection, _DATABASE, owner)
        self._owner = owner
        if self._database.path is None:
            self._database.outage = Outage(self.url, self._answers, lambda text: self.say(text))
        ended = threading.Event()
        heartbeat = threading.Thread(target=self._beat, args=(owner, ended), name="heartbeat", daemon=True)
        heartbeat.start()
        try:
            yield
        finally:
            ended.set()
            heartbeat.join()
            self._owner, self._database.outage = None, None
            # Where the database is gone, the lease is given back by its age.
            with suppress(StoreError, RequestError), self._database.transaction() as connection:
                _remove(connection, owner)

    def _answers(self) -> None:
        with self._database.transaction() as connection:
            _clock(connection)

    def guard(self, sessions: "scoped_session[Session]") -> None:
        """What is written through these sessions, as Optuna's tables are, is none of ours once the lease is lost: who
        writes by then has trials with the same numbers."""
        from sqlalchemy import event

        event.listen(sessions, "do_orm_execute", _note_statement)
        event.listen(sessions, "after_flush", _note_flush)
        event.listen(sessions, "before_commit", self._check_session)

    def _check_session(self, session: "Session") -> None:
        """What only read may be committed by anybody."""
        wrote = session.info.pop(_WROTE, False) or session.new or session.dirty or session.deleted
        if wrote and self._owner is not None:
            check_held(session.connection(), self._owner, self.url)

    def writers(self) -> list[Writer]:
        """Who writes now, for a person to read."""
        if self.version == FIRST:
            return []
        columns, times = Writer.__slots__, self._times()
        rows = self._database.rows(f"SELECT {', '.join((*columns, *times))} FROM search_writers ORDER BY since")  # noqa: S608
        writers = [(Writer(*row[: len(columns)]), row[len(columns) :]) for row in rows]
        return [writer for writer, times in writers if not writer.gone(self._heard_until(times))]

    def owners(self) -> set[str]:
        """Who may write, now or later: one that was not heard of for long goes on where it is heard again, until it is
        removed."""
        return {str(owner) for (owner,) in self._database.rows("SELECT owner FROM search_writers")}

    def sharing(self, name: str) -> list[Writer]:
        """Who is at work on a study, or on a bench, beside others."""
        if self.version is None or self.version < WITH_CLAIMS:
            return []
        rows = self._database.rows("SELECT owner FROM search_shares WHERE name = :name", {"name": name})
        owners = {owner for (owner,) in rows}
        return [writer for writer in self.writers() if writer.owner in owners] if owners else []

    def trials_of_others(self, study_id: str) -> set[int]:
        """The trials that another writer, which is still there, is at work on."""
        if self.version == FIRST:
            return set()
        owners = self._owners_of_trials(study_id)
        others = {writer.owner for writer in self.writers() if writer.owner != self._owner} if owners else set()
        return {number for number, owner in owners.items() if owner in others}

    def trials_of_nobody(self, study_id: str, present: Set[str]) -> set[int]:
        """The trials that are on their way of a writer which is none of those `present`."""
        name = ("owners", study_id)
        owners = self._known.of(name, {"search_trials"}, lambda: self._owners_of_trials(study_id))
        return {number for number, owner in owners.items() if owner not in present}

    def _owners_of_trials(self, study_id: str) -> dict[int, str]:
        """The owners of trials that are on their way, by number."""
        rows = self._database.rows(
            "SELECT number, owner FROM search_trials WHERE study_id = :study_id AND owner IS NOT NULL",
            {"study_id": study_id},
        )
        return {int(number): str(owner) for number, owner in rows}

    @lasting
    def take_study(self, study_id: str) -> None:
        """RequestError, with the name of who writes to it, while another does. On PostgreSQL beside others."""
        with self._writing() as write:
            self._take_study(write, study_id)

    def _take_study(self, write: "Write", study_id: str) -> None:
        if self.shared:
            self._share(write, study_id)
        elif self._owner is not None:
            self._take(write.connection, study_id, self._owner)

    def share(self, name: str) -> None:
        """Begins to be at work on it beside others; one that is alone at it is waited for."""
        is_said = False
        while self.shared:
            try:
                return self._begin_share(name)
            except RequestError as error:
                if not is_said:
                    self.say(f"{error}: waiting for it")
                is_said = True
                time.sleep(_TURN_S)
        return None

    @lasting
    def _begin_share(self, name: str) -> None:
        with self._writing() as write:
            self._share(write, name)

    def _share(self, write: "Write", name: str) -> None:
        from search.store.tables import SHARES

        for other in self._holders(write.connection, name):
            raise RequestError(f"{name} is for a moment in use by {other} alone")
        write.put(SHARES, {"name": name, "owner": self._owner}, {})

    @contextmanager
    def alone(self, name: str) -> Iterator[list[Writer]]:
        """The others who are at work on it; where there are none, nobody begins to before the end."""
        others = self._take_alone(name) if self.shared else []
        try:
            yield others
        finally:
            if self.shared and not others:
                with suppress(StoreError):
                    self._give_back(name)

    @lasting
    def _take_alone(self, name: str) -> list[Writer]:
        from sqlalchemy import select

        from search.store.tables import SHARES, WRITERS

        assert self._owner is not None
        with self._writing() as write:
            shared = select(WRITERS).join(SHARES, SHARES.c.owner == WRITERS.c.owner).where(SHARES.c.name == name)
            until = self._now_heard(write.connection)
            sharing = [Writer(*row) for row in write.connection.execute(shared.where(WRITERS.c.owner != self._owner))]
            others = [writer for writer in sharing if not writer.gone(until)]
            others += self._holders(write.connection, name)
            if not others:
                self._take(write.connection, name, self._owner)
            return others

    @lasting
    def _give_back(self, name: str) -> None:
        from sqlalchemy import delete

        from search.store.tables import LEASES

        with self._writing() as write:
            write.connection.execute(delete(LEASES).where(LEASES.c.name == name, LEASES.c.owner == self._owner))

    @contextmanager
    def turn(self, name: str, wait: bool = True) -> Iterator[Callable[[], None] | None]:
        """One writer after the other, among those of PostgreSQL: what is called now and then shows that this one is
        still at work. None where it is another's turn, and nobody waits. It ends with the connection, however it
        ends."""
        if not self.shared:
            yield lambda: None
            return
        from sqlalchemy import text

        with self._database.transaction() as connection:
            words = "pg_advisory_xact_lock(hashtext(:name))" if wait else "pg_try_advisory_xact_lock(hashtext(:name))"
            has_turn = connection.execute(text(f"SELECT {words}"), {"name": name}).scalar()
            mine = wait or bool(has_turn)
            yield (lambda: connection.execute(text("SELECT 1")).close()) if mine else None

    @lasting
    def remove_gone(self) -> None:
        """Who is known to have ended, or was not heard of for too long, writes no more, whether or not it comes
        back."""
        from sqlalchemy import select

        from search.store.tables import WRITERS

        with self._writing() as write:
            until = self._now_heard(write.connection)
            for row in write.connection.execute(select(WRITERS).where(WRITERS.c.owner != self.owner)).all():
                writer = Writer(*row)
                if writer.gone(until):
                    _remove(write.connection, writer.owner)

    def _is_there(self, connection: "Connection", owner: str) -> bool:
        """Whether the writer is still there; one that is gone is removed, so that it does not come back."""
        from sqlalchemy import select

        from search.store.tables import WRITERS

        row = connection.execute(select(WRITERS).where(WRITERS.c.owner == owner)).first()
        if row is None:
            return False
        gone = Writer(*row).gone(self._now_heard(connection))
        if gone:
            _remove(connection, owner)
        return not gone

    def _holders(self, connection: "Connection", name: str) -> list[Writer]:
        """Another one that is alone at it and still there; one that is gone is removed."""
        from sqlalchemy import select

        from search.store.tables import LEASES, WRITERS

        until, holders = self._now_heard(connection), []
        held = select(WRITERS).join(LEASES, LEASES.c.owner == WRITERS.c.owner).where(LEASES.c.name == name)
        for row in connection.execute(held.where(WRITERS.c.owner != self.owner)).all():
            writer = Writer(*row)
            if writer.gone(until):
                _remove(connection, writer.owner)
            else:
                holders.append(writer)
        return holders

    def _times(self) -> Sequence[str]:
        return _SERVER_TIMES if self._database.shared else _SERVER_TIMES[:1]

    def _now_heard(self, connection: "Connection") -> float:
        from sqlalchemy import text

        return self._heard_until(connection.execute(text(f"SELECT {', '.join(self._times())}")).one())

    def _heard_until(self, times: Sequence[object]) -> float:
        """Up to when whoever is there could be heard of: now, but for a lease's length after the server began, or was
        reached again from here."""
        now, *began = map(_unix_time, times)
        outage = self._database.outage
        back_s = time.monotonic() - outage.back_at if outage else EXPIRES_S
        return now if back_s >= EXPIRES_S and all(now - moment >= EXPIRES_S for moment in began) else 0.0

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
        from sqlalchemy import delete, insert

        from search.store.tables import LEASES

        for writer in self._holders(connection, name):
            subject = f"study {name}" if name != _DATABASE else str(self._database.path)
            raise RequestError(f"{subject} is in use by {writer}; wait for it, stop it, or name another --storage")
        connection.execute(delete(LEASES).where(LEASES.c.name == name))
        connection.execute(insert(LEASES).values(name=name, owner=owner))

    def _beat(self, owner: str, ended: threading.Event) -> None:
        from sqlalchemy import update

        from search.store.tables import WRITERS

        while not ended.wait(HEARTBEAT_S):
            # What keeps it from the database keeps the run from it too, and is said there.
            try:
                with self._database.transaction() as connection:
                    expires = {"expires_at": _clock(connection) + EXPIRES_S}
                    connection.execute(update(WRITERS).where(WRITERS.c.owner == owner).values(expires))
            except (StoreError, RequestError):
                if self._database.outage is not None:
                    # Until it is heard again, and for a lease's length after that, others may be there unheard.
                    self._database.outage.back_at = time.monotonic() + HEARTBEAT_S


def at_bench(bench_id: str) -> str:
    """The name of what is shared there: the reference, and the versions of the runtimes."""
    return f"bench {bench_id}"


def check_held(connection: "Connection", owner: str, url: str) -> None:
    """A process that was stopped for longer than a lease lasts may have lost it, and then writes no more."""
    from sqlalchemy import select

    from search.store.tables import WRITERS

    # Until this transaction ends nobody takes the lease away.
    mine = select(WRITERS.c.owner).where(WRITERS.c.owner == owner).with_for_update(read=True)
    if connection.execute(mine).first() is None:
        stood_still = f"{without_password(url)}: this process stood still for over {EXPIRES_S:g} s"
        if connection.dialect.name == "postgresql":
            raise StoreError(
                f"{stood_still}, and others took over what it had on its way; what is finished is kept, the same "
                "command goes on beside them"
            )
        raise StoreError(
            f"{stood_still}, and another one writes now; what is finished is kept, the same command goes on once the "
            "other has ended"
        )


def _note_statement(state: "ORMExecuteState") -> None:
    if not state.is_select:
        state.session.info[_WROTE] = True


def _note_flush(session: "Session", context: object) -> None:
    session.info[_WROTE] = True


def _remove(connection: "Connection", owner: str) -> None:
    from sqlalchemy import delete

    from search.store.tables import CLAIMS, LEASES, SHARES, WRITERS

    for table in (CLAIMS, SHARES, LEASES):
        connection.execute(delete(table).where(table.c.owner == owner))
    connection.execute(delete(WRITERS).where(WRITERS.c.owner == owner))


def _clock(connection: "Connection") -> float:
    """The time by the database, as clients' clocks differ."""
    from sqlalchemy import func, select

    return _unix_time(connection.execute(select(func.current_timestamp())).scalar_one())


def _unix_time(moment: object) -> float:
    """Some databases say it as text, and those without a zone in UTC, or in the server's: always in the same."""
    value = moment if isinstance(moment, datetime) else datetime.fromisoformat(str(moment))
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
