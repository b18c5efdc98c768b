"""The store: a folder with the database and the candidates' files. Evaluations are kept here, and are the truth.

Each write is one transaction, so a process killed at any moment leaves nothing half done. Reading needs neither
Optuna nor torch.
"""

from pathlib import Path

from search.store.benches import Benches
from search.store.evaluations import Evaluations
from search.store.measurements import Measurements
from search.store.schema import STATEMENTS
from search.store.studies import Studies
from search.store.trials import Trials
from space.errors import RequestError


class Store(Benches, Studies, Trials, Measurements, Evaluations):
    """All of its parts, over one database."""

    @classmethod
    def create(cls, folder: Path, storage: str | None = None) -> "Store":
        """For writing: makes what is missing; take the lock first."""
        store = cls(folder, storage)
        with store._database.transaction() as execute:
            for statement in STATEMENTS.split(";"):
                if statement.strip():
                    execute(statement, {})
        return store

    @classmethod
    def existing(cls, folder: Path, storage: str | None = None) -> "Store":
        """For reading; a store that is not there is not made."""
        store = cls.found(folder, storage)
        if store is None:
            raise RequestError(f"--store {folder} holds no study yet; `python -m search` begins one")
        return store

    @classmethod
    def found(cls, folder: Path, storage: str | None = None) -> "Store | None":
        store = cls(folder, storage)
        return store if store.prepared() else None

    def prepared(self) -> bool:
        """Whether our tables are there: a process may have been killed before it made them."""
        return self._database.has_table("search_facts")
