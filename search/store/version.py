"""Version: which schema a database has, and that one of a newer program is left alone."""

from search.store.database import Database, without_password
from space.errors import RequestError

# The oldest first. The first one has no table that names it.
FIRST, WITH_OUTLINES, WITH_CLAIMS, LATEST = 1, 3, 4, 4
VERSION_TABLE = "search_version"


def version_of(database: Database) -> int | None:
    """None: there are no tables of ours; a process may have been killed before it made them."""
    if not database.has_table(VERSION_TABLE):
        return FIRST if database.has_table("search_facts") else None
    rows = database.rows("SELECT version_num FROM search_version")
    if not rows:
        return None
    version = str(rows[0][0])
    if not version.isdecimal() or int(version) > LATEST:
        raise RequestError(
            f"{without_password(database.url)} was written by a newer version of this program: its schema is version "
            f"{version}, the newest known here is {LATEST}; update this program, or name another --store"
        )
    return int(version)
