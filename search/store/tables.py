"""Tables: the store's own, beside Optuna's in the same database; one schema for whatever SQLAlchemy speaks.

Writers and migrations load it. Readers do without: importing SQLAlchemy takes as long as half of `rank`.
"""

from sqlalchemy import BigInteger, Column, Double, Index, Integer, MetaData, String, Table, Text

METADATA = MetaData()


def _name(column: str, length: int = 20) -> Column[str]:
    return Column(column, String(length), nullable=False)


def _key(column: str, length: int = 20) -> Column[str]:
    return Column(column, String(length), primary_key=True)


def _text(column: str) -> Column[str]:
    return Column(column, Text, nullable=False)


def _moment(column: str) -> Column[float]:
    """A Unix time by the writer's clock: shown, and nothing is ordered by it."""
    return Column(column, Double, nullable=False)


def _number(column: str) -> Column[int]:
    """A number of `SEQUENCE`."""
    return Column(column, BigInteger, nullable=False, server_default="0")


# Optuna's tables are called studies, trials and the like.
FACTS = Table("search_facts", METADATA, _key("name", 100), _text("value"))
BENCHES = Table("search_benches", METADATA, _key("id"), _text("content"), _text("device"))
CANDIDATES = Table(
    "search_candidates",
    METADATA,
    _key("recipe_id"),
    _key("baseline_id"),
    _name("structure_id"),
    _text("candidate"),
    _text("validation"),
    _moment("built_at"),
    # The candidate's place in the order of building, and the transaction that wrote it last.
    _number("sequence"),
    _number("changed"),
    # Where its file lies: the machine's name and the folder there; nothing where an earlier version built it.
    Column("host", String(255), nullable=False, server_default=""),
    # As long as a path may be on Linux; MySQL lets no TEXT have a default.
    Column("folder", String(4096), nullable=False, server_default=""),
)
FAILURES = Table("search_failures", METADATA, _key("recipe_id"), _key("baseline_id"), _key("bench_id"), _text("reason"))
STRUCTURES = Table(
    "search_structures",
    METADATA,
    _key("structure_id"),
    _key("bench_id"),
    _text("figures"),
    _text("raw"),
    _moment("measured_at"),
    _number("changed"),
)
CONFIRMATIONS = Table(
    "search_confirmations",
    METADATA,
    _key("recipe_id"),
    _key("baseline_id"),
    _key("bench_id"),
    _text("figures"),
    _text("test"),
    _text("raw"),
    _moment("measured_at"),
    _number("changed"),
)
STUDIES = Table("search_studies", METADATA, _key("id", 100), _text("content"), _moment("used_at"), _number("used"))
TRIALS = Table(
    "search_trials",
    METADATA,
    _key("study_id", 100),
    Column("number", Integer, primary_key=True, autoincrement=False),
    _name("recipe_id"),
    _name("state"),
    _text("reason"),
    _moment("begun_at"),
    Column("ended_at", Double),
    # The writer at work on it, while it runs.
    Column("owner", String(32)),
    _number("changed"),
)
# Recipes on their way, where several writers are at work on the same baseline and bench: each is one trial's.
CLAIMS = Table(
    "search_claims",
    METADATA,
    _key("baseline_id"),
    _key("bench_id"),
    _key("recipe_id"),
    _name("study_id", 100),
    Column("number", Integer, nullable=False),
    _name("owner", 32),
)
# Structures that were timed untrained, each with a recipe that it is of.
OUTLINES = Table(
    "search_outlines",
    METADATA,
    _key("structure_id"),
    _key("bench_id"),
    _name("image"),
    _text("recipe"),
    # The latency over the reference's, of a look alone: a structure that was measured has its figures.
    Column("latency", Double),
    # The runtime with its version.
    _name("framework", 100),
    _number("changed"),
)
TRACES = Table(
    "search_traces",
    METADATA,
    _name("structure_id"),
    _name("bench_id"),
    _moment("taken_at"),
    _text("trace"),
    _number("sequence"),
)
# One row with the number of the last transaction. Each transaction takes the next one, and others wait until it ends:
# so numbers become visible in their order, on every database.
SEQUENCE = Table("search_sequence", METADATA, Column("number", BigInteger, primary_key=True, autoincrement=False))
# Processes that write, each heard of until `expires_at`, a Unix time by the database's clock.
WRITERS = Table(
    "search_writers",
    METADATA,
    _key("owner", 32),
    _name("host", 255),
    # The machine on which its process id means something, and when that process began.
    _name("machine", 255),
    Column("pid", Integer, nullable=False),
    _name("started", 100),
    _text("command"),
    Column("since", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
)
# What one writer alone may do: `database`, or a study's id.
LEASES = Table("search_leases", METADATA, _key("name", 100), _name("owner", 32))
# What several writers do at once, a row for each of them: a study's id, or the name of a bench.
SHARES = Table("search_shares", METADATA, _key("name", 100), _key("owner", 32))

for _column in (
    CANDIDATES.c.changed,
    CANDIDATES.c.structure_id,
    STRUCTURES.c.changed,
    CONFIRMATIONS.c.changed,
    TRIALS.c.changed,
):
    Index(f"{_column.table.name}_{_column.name}", _column)
