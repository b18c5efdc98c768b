"""Version 4: several writers of one study: recipes on their way, which trials changed, who has the files."""

import sqlalchemy as sa
from alembic import op

revision = "4"
down_revision = "3"


def upgrade() -> None:
    op.add_column("search_candidates", sa.Column("host", sa.String(255), nullable=False, server_default=""))
    op.add_column("search_candidates", sa.Column("folder", sa.String(4096), nullable=False, server_default=""))
    op.add_column("search_trials", sa.Column("changed", sa.BigInteger, nullable=False, server_default="0"))
    op.create_index("search_trials_changed", "search_trials", ["changed"])
    op.create_table(
        "search_claims",
        sa.Column("baseline_id", sa.String(20), primary_key=True),
        sa.Column("bench_id", sa.String(20), primary_key=True),
        sa.Column("recipe_id", sa.String(20), primary_key=True),
        sa.Column("study_id", sa.String(100), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("owner", sa.String(32), nullable=False),
    )
    op.create_table(
        "search_shares",
        sa.Column("name", sa.String(100), primary_key=True),
        sa.Column("owner", sa.String(32), primary_key=True),
    )
