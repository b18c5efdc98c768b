"""Writing: a store for one who writes to it, the folder locked and the database leased; and who does so now."""

import errno
import shlex
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from search.store.database import StoreError
from search.store.goal import Goal
from search.store.lock import holder, locked
from search.store.store import Store

# What a system says where there is no more room: on the disk, in a user's quota, for a file of the size.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}


@contextmanager
def writing(folder: Path, storage: str | None = None) -> Iterator[Store]:
    """The lock keeps others from the folder's files, the lease from the database, which may be another folder's too."""
    with locked(folder):
        try:
            store = Store.create(folder, storage)
            with store.held():
                if count := store.tell_pending():
                    store.say(f"results that were finished and not in the database yet: {count}, told now")
                yield store
        except OSError as error:
            if error.errno not in _FULL:
                raise
            full = f"{error.filename or folder}: {error.strerror}: its disk is full, or a quota is used up"
            place = shlex.quote(str(folder))
            raise StoreError(f"{full}; make room, the same command goes on then; next: df -h {place}") from error


def at_work(store: Store) -> str | None:
    """Who writes to the folder, or to its database, for a person to read."""
    return holder(store.folder) or "; ".join(map(str, store.writers())) or None


def at_work_on(store: Store, goal: Goal) -> dict[str, int]:
    """Who is at work on the study, where several may be, for a person to read; how many trials each has on its way."""
    writers = store.sharing(goal.id)
    claims = store.claims(goal) if writers else []
    return {
        str(writer): sum((claim.owner, claim.study_id) == (writer.owner, goal.id) for claim in claims)
        for writer in writers
    }
