"""Writing: a store for one who writes to it, the folder locked and the database leased; and who does so now."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from search.store.lock import holder, locked
from search.store.store import Store


@contextmanager
def writing(folder: Path, storage: str | None = None) -> Iterator[Store]:
    """The lock keeps others from the folder's files, the lease from the database, which may be another folder's too."""
    with locked(folder):
        store = Store.create(folder, storage)
        with store.held():
            yield store


def at_work(store: Store) -> str | None:
    """Who writes to the folder, or to its database, for a person to read."""
    return holder(store.folder) or "; ".join(map(str, store.writers())) or None
