"""Kept files: of how many candidates there still is a file, where not all are kept."""

from dataclasses import dataclass

from search.settings.keys import KEEP_FRONT
from search.store.store import Store

# Fact of the store: whose files its last run kept.
KEPT = "keep"
# The ending of a manifest, which says how a candidate was built, and stays.
MANIFEST = ".json"


@dataclass(frozen=True, slots=True)
class Files:
    """How many candidates were built, and of how many there is a file."""

    built: int
    there: int

    def __str__(self) -> str:
        return f"files: those of {self.there} of {self.built} candidates are kept (--keep {KEEP_FRONT})"


def files_of(store: Store) -> Files | None:
    """The counts of files; None where all are kept."""
    if store.fact(KEPT) != KEEP_FRONT:
        return None
    files = [path for path in store.candidates.glob("*") if not path.name.startswith(".")]
    built = sum(path.suffix == MANIFEST for path in files)
    return Files(built, len(files) - built)
