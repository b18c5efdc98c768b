"""The store: a folder with the database and the candidates' files. Evaluations are kept here, and are the truth.

Each write is one transaction, so a process killed at any moment leaves nothing half done. Reading needs neither
Optuna nor torch, nor SQLAlchemy where the database is SQLite.
"""

from pathlib import Path

from search.store.benches import Benches
from search.store.evaluations import Evaluations
from search.store.leases import Leases
from search.store.measurements import Measurements
from search.store.outlines import Outlines
from search.store.studies import Studies
from search.store.trials import Trials
from space.errors import RequestError


class Store(Benches, Studies, Trials, Measurements, Outlines, Evaluations, Leases):
    """A store with all of its parts, over one database."""

    @classmethod
    def create(cls, folder: Path, storage: str | None = None) -> "Store":
        """Opens a store for writing: makes what is missing, and migrates what is old; `writing` takes lock and
        lease."""
        from search.store.migration import prepare

        store = cls(folder, storage)
        prepare(store._database)
        return store

    @classmethod
    def existing(cls, folder: Path, storage: str | None = None) -> "Store":
        """Opens a store for reading; a store that is not there is not made."""
        store = cls.found(folder, storage)
        if store is None:
            raise RequestError(f"--store {folder} holds no study yet; `python -m search` begins one")
        return store

    @classmethod
    def found(cls, folder: Path, storage: str | None = None) -> "Store | None":
        """The store; None too where a process was killed before it made our tables."""
        store = cls(folder, storage)
        return store if store.version is not None else None

    def tell_pending(self) -> int:
        """What was finished before an outage or a kill, and is not in the database yet; how many results."""
        count = 0
        for name, content in list(self._pending.all(self.say)):
            tell = self.tell_candidate if name.startswith("candidate-") else self.tell_measured
            with self._reading(f"{name} in {self.folder}"):
                tell(content)
            self._pending.done(name)
            count += 1
        return count
