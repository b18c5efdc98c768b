"""Version 3: which recipe a structure is of that was timed untrained."""

import sqlalchemy as sa
from alembic import op

revision = "3"
down_revision = "2"


def upgrade() -> None:
    op.create_table(
        "search_outlines",
        sa.Column("structure_id", sa.String(20), primary_key=True),
        sa.Column("bench_id", sa.String(20), primary_key=True),
        sa.Column("image", sa.String(20), nullable=False),
        sa.Column("recipe", sa.Text, nullable=False),
        sa.Column("latency", sa.Double),
        sa.Column("framework", sa.String(100), nullable=False),
        sa.Column("changed", sa.BigInteger, nullable=False, server_default="0"),
    )
