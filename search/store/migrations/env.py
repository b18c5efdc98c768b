"""What Alembic runs to migrate: in the transaction that search/store/migration.py began."""

from alembic import context

from search.store.version import VERSION_TABLE

context.configure(connection=context.config.attributes["connection"], version_table=VERSION_TABLE)
with context.begin_transaction():
    context.run_migrations()
