"""Alembic migrations of a cell's database; `bridge.accounts.database` runs them."""
