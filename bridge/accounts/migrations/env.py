"""Alembic's entry point: runs the migrations on the connection that `bridge.accounts.database.upgrade` hands over.

The law: it opens nothing itself: one connection, one transaction, both the caller's.
"""

from alembic import context

from bridge.accounts.tables import metadata

# The caller's transaction holds the upgrade lock and covers the DDL, on SQLite too.
context.configure(connection=context.config.attributes["connection"], target_metadata=metadata, transactional_ddl=True)
with context.begin_transaction():
    context.run_migrations()
