"""Removing rows that no longer mean anything: spent handoffs past their window, dead sessions.

The law: in small batches, each its own transaction, so that nobody who signs in meanwhile waits for long.
"""

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Engine, Table, delete, or_, select

from bridge.accounts.records import Purged
from bridge.accounts.tables import sessions, spent_handoffs
from bridge.accounts.transaction import transact

BATCH_ROWS = 500


def purge(engine: Engine, *, idle: timedelta, now: datetime, batch_rows: int = BATCH_ROWS) -> Purged:
    """Remove what is dead at *now*. A handoff stays spent until its `spent_until`, when it cannot be accepted any more."""
    return Purged(
        spent_handoffs=_purge_table(engine, spent_handoffs, spent_handoffs.c.spent_until <= now, batch_rows),
        sessions=_purge_table(
            engine, sessions, or_(sessions.c.expires_at <= now, sessions.c.last_seen_at <= now - idle), batch_rows
        ),
    )


def _purge_table(engine: Engine, table: Table, dead: ColumnElement[bool], batch_rows: int) -> int:
    # Rows that somebody else is about to change or remove are left to them; SQLite has one writer and knows no row locks.
    some = select(table.c.id).where(dead).limit(batch_rows).with_for_update(skip_locked=True)
    batch = delete(table).where(table.c.id.in_(some))
    total = 0
    while True:
        removed = transact(engine, lambda connection: connection.execute(batch).rowcount)
        total += removed
        if removed < batch_rows:
            return total
