"""Removing rows that no longer mean anything: spent handoffs past their window, dead sessions, audit rows that are old enough.

The law: in small batches, each its own transaction, so that nobody who signs in meanwhile waits for long.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Engine, Table, delete, or_, select

from bridge.accounts.tables import audit_events, sessions, spent_handoffs
from bridge.accounts.transaction import transact

BATCH_ROWS = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Purged:
    """How many rows a purge removed."""

    spent_handoffs: int
    sessions: int
    audit_events: int

    def __bool__(self) -> bool:
        return bool(self.spent_handoffs or self.sessions or self.audit_events)


def purge(
    engine: Engine, *, idle: timedelta, audit_kept: timedelta | None, now: datetime, batch_rows: int = BATCH_ROWS
) -> Purged:
    """Remove what is dead at *now*. A handoff stays spent until its `spent_until`, when it cannot be accepted any more.

    Audit rows go when they are *audit_kept* old; None keeps them for ever.
    """
    spent = spent_handoffs.c.spent_until <= now
    ended = or_(sessions.c.expires_at <= now, sessions.c.last_seen_at <= now - idle)
    return Purged(
        spent_handoffs=_purge_table(engine, spent_handoffs, spent, batch_rows),
        sessions=_purge_table(engine, sessions, ended, batch_rows),
        audit_events=0 if audit_kept is None else _purge_trail(engine, now - audit_kept, batch_rows),
    )


def _purge_trail(engine: Engine, until: datetime, batch_rows: int) -> int:
    """The trail is written in the order of its numbers: its old rows are the first ones, and need no index of times."""
    oldest = select(audit_events.c.id, audit_events.c.at).order_by(audit_events.c.id).limit(batch_rows).subquery()
    old_enough = audit_events.c.id.in_(select(oldest.c.id).where(oldest.c.at <= until))
    return _purge_table(engine, audit_events, old_enough, batch_rows)


def _purge_table(engine: Engine, table: Table, dead: ColumnElement[bool], batch_rows: int) -> int:
    # Rows that somebody else is about to change or remove are left to them; SQLite has one writer and knows no row locks.
    some = select(table.c.id).where(dead).limit(batch_rows).with_for_update(skip_locked=True)
    batch = delete(table).where(table.c.id.in_(some))
    total = 0
    while removed := transact(engine, lambda connection: connection.execute(batch).rowcount):
        total += removed
    return total
