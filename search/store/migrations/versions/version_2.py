"""Version 2: order and changes by the database's own numbers, and leases."""

import sqlalchemy as sa
from alembic import op

revision = "2"
down_revision = None

# Tables with numbers: the keys of a row, the time that they were ordered by, and the columns that take its place.
_NUMBERED = {
    "search_candidates": (("recipe_id", "baseline_id"), "built_at", ("sequence", "changed")),
    "search_structures": (("structure_id", "bench_id"), "measured_at", ("changed",)),
    "search_confirmations": (("recipe_id", "baseline_id", "bench_id"), "measured_at", ("changed",)),
    "search_studies": (("id",), "used_at", ("used",)),
    # A trace has no key: two of one moment and structure take one number.
    "search_traces": (("structure_id", "bench_id", "taken_at"), "taken_at", ("sequence",)),
}
_INDEXED = {
    "search_candidates": ("changed", "structure_id"),
    "search_structures": ("changed",),
    "search_confirmations": ("changed",),
}


def upgrade() -> None:
    last = 0
    for table, (keys, time, columns) in _NUMBERED.items():
        for column in columns:
            op.add_column(table, sa.Column(column, sa.BigInteger, nullable=False, server_default="0"))
        last = _number(table, keys, time, columns, last)
    for table, columns in _INDEXED.items():
        for column in columns:
            op.create_index(f"{table}_{column}", table, [column])
    op.add_column("search_trials", sa.Column("owner", sa.String(32)))
    op.create_table("search_sequence", sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False))
    op.execute(sa.table("search_sequence", sa.column("number")).insert().values(number=last))
    op.create_table(
        "search_writers",
        sa.Column("owner", sa.String(32), primary_key=True),
        sa.Column("host", sa.String(255), nullable=False),
        sa.Column("machine", sa.String(255), nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("started", sa.String(100), nullable=False),
        sa.Column("command", sa.Text, nullable=False),
        sa.Column("since", sa.Double, nullable=False),
        sa.Column("expires_at", sa.Double, nullable=False),
    )
    op.create_table(
        "search_leases",
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("owner", sa.String(32), nullable=False),
    )


def _number(table: str, keys: tuple[str, ...], time: str, columns: tuple[str, ...], last: int) -> int:
    """Numbers the rows in the order in which they were read before; the last number."""
    rows = sa.table(table, *(sa.column(name) for name in {*keys, time, *columns}))
    order = sa.select(*(rows.c[name] for name in keys)).order_by(rows.c[time], *(rows.c[name] for name in keys))
    connection = op.get_bind()
    for key in connection.execute(order.distinct() if time in keys else order).all():
        last += 1
        where = sa.and_(*(rows.c[name] == value for name, value in zip(keys, key, strict=True)))
        connection.execute(rows.update().where(where).values(dict.fromkeys(columns, last)))
    return last
