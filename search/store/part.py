"""Part: what every part of the store stands on: the folder and the database in it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Concatenate, ParamSpec, TypeVar

from search.store.database import Parameters, Row, StoreError, open_database, with_driver, without_password
from search.store.known import Known
from search.store.pending import Pending
from search.store.version import FIRST, version_of
from space.errors import RequestError

if TYPE_CHECKING:
    from search.store.write import Write

T = TypeVar("T")
Words = ParamSpec("Words")
Any_Part = TypeVar("Any_Part", bound="Part")


def lasting(
    method: Callable[Concatenate[Any_Part, Words], T],
) -> Callable[Concatenate[Any_Part, Words], T]:
    """A method that is called again where the database was away: what it writes has keys, so that twice is as once.
    Within a transaction of several, all of that is done again."""

    @wraps(method)
    def whole(self: Any_Part, /, *words: Words.args, **named: Words.kwargs) -> T:
        if self._together is not None:
            return method(self, *words, **named)
        return self.patiently(lambda: method(self, *words, **named))

    return whole


class Part:
    def __init__(self, folder: Path, storage: str | None = None) -> None:
        self.folder = folder
        self.url = with_driver(storage) if storage else f"sqlite:///{folder.absolute() / 'search.db'}"
        self._database = open_database(self.url)
        # Who writes, while leases are held.
        self._owner: str | None = None
        self._pending = Pending(folder)
        self._known = Known()
        # The transaction of several that is on.
        self._together: Write | None = None

    def patiently(self, work: Callable[[], T]) -> T:
        """A writer waits for a server that does not answer; the work is done again then, and may have been done."""
        outage = self._database.outage
        return work() if outage is None else outage.through(work)

    @property
    def owner(self) -> str:
        """Who writes here; nobody outside of leases."""
        return self._owner or ""

    @property
    def shared(self) -> bool:
        """Whether others may write to the same studies meanwhile."""
        return self._owner is not None and self._database.shared

    @property
    def candidates(self) -> Path:
        """The folder in which candidates' files lie."""
        return self.folder / "candidates"

    @property
    def artifacts(self) -> Path:
        """Links to the candidates' files, for optuna-dashboard."""
        return self.folder / "artifacts"

    @cached_property
    def version(self) -> int | None:
        """The version of the schema; what reads an earlier one does so as it was, and changes nothing."""
        return version_of(self._database)

    def rows(self, sql: str, parameters: Parameters = {}) -> list[Row]:  # noqa: B006
        """The rows of a SELECT in the words that all databases share, for who keeps tables of his own in this
        database."""
        return self._database.rows(sql, parameters)

    def last_change(self) -> int:
        """The number of the last transaction; within a moment that of the last one that is known of."""
        return self._known.number if self._known.moments else self.look()

    def look(self) -> int:
        """The number of the last transaction, and whether others have written."""
        number = int(self._database.rows("SELECT number FROM search_sequence")[0][0])
        self._known.looked(number)
        return number

    @property
    def others_wrote(self) -> int:
        """How often others were found to have written."""
        return self._known.others

    @property
    def in_moment(self) -> bool:
        return self._known.moments > 0

    @contextmanager
    def moment(self) -> Iterator[None]:
        """What others write in the meantime is not seen, but by who looks; one thread alone reads meanwhile."""
        if not self._known.moments and self.version != FIRST:
            self.look()
        self._known.moments += 1
        try:
            yield
        finally:
            self._known.moments -= 1

    def _words(self, latest: str, first: str) -> str:
        """What a statement says of the latest version, or of the first, which had neither numbers nor owners."""
        return first if self.version == FIRST else latest

    @contextmanager
    def _reading(self, subject: str) -> Iterator[None]:
        """What is stored as JSON and does not fit becomes a StoreError that says of what it is."""
        try:
            yield
        except (ValueError, RequestError) as error:
            damage = f"{without_password(self.url)}: what is kept of {subject} is damaged or of a newer version"
            raise StoreError(f"{damage}: {error}") from error

    @contextmanager
    def _writing(self) -> Iterator["Write"]:
        """All of the body's statements, or none; none where another has taken the lease."""
        from search.store.leases import check_held
        from search.store.write import Write

        if self._together is not None:
            yield self._together
            return
        try:
            with self._database.transaction() as connection:
                write = Write(connection)
                if self._owner is not None:
                    check_held(connection, self._owner, self.url)
                yield write
        except BaseException:
            # What was to be written may have been, or not.
            self._known.forget()
            raise
        self._known.wrote(write.first, write.last, write.tables)
        for done in write.afterwards:
            done()

    @contextmanager
    def together(self) -> Iterator["Write"]:
        """All that the body writes is one transaction, by its connection too. What it reads is how it was before."""
        with self._writing() as write:
            before, self._together = self._together, write
            try:
                yield write
            finally:
                self._together = before
