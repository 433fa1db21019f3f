"""Purging what no longer means anything."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, event, insert

from bridge.accounts.purge import Purged, purge
from bridge.accounts.records import OpenedSession
from bridge.accounts.store import AccountStore
from bridge.accounts.tables import audit_events, spent_handoffs
from bridge.errors import HandoffReplayed

SECOND = timedelta(seconds=1)
DAY = timedelta(days=1)


def test_handoff_stays_spent_until_it_cannot_be_accepted(
    sign_in: Callable[..., OpenedSession], store: AccountStore, now: datetime
) -> None:
    """The row goes when the window has passed, not a moment before: until then the replay is known."""
    sign_in(handoff_id="_1", spent_until=now + 90 * SECOND)
    assert store.purge(now + 90 * SECOND - timedelta(microseconds=1)) == Purged(spent_handoffs=0, sessions=0, audit_events=0)
    with pytest.raises(HandoffReplayed):
        sign_in(handoff_id="_1")
    assert store.purge(now + 90 * SECOND) == Purged(spent_handoffs=1, sessions=0, audit_events=0)


def test_dead_sessions_go_and_living_ones_stay(
    sign_in: Callable[..., OpenedSession], store: AccountStore, now: datetime, counts: Callable[..., Any]
) -> None:
    """A session goes when it is idle or past its end, by the same limits that the look-up has."""
    sign_in(session_ends=now + 10 * SECOND)
    sign_in()
    busy = sign_in()
    assert store.session(busy.token, org_id=42, now=now + timedelta(minutes=30)) is not None
    assert store.purge(now + 10 * SECOND - timedelta(microseconds=1)).sessions == 0
    assert store.purge(now + 10 * SECOND).sessions == 1
    assert store.purge(now + timedelta(hours=1)).sessions == 1
    assert store.session(busy.token, org_id=42, now=now + timedelta(hours=1)) is not None
    assert counts()["accounts"] == 1


def test_purge_works_in_batches(engine: Engine, now: datetime, counts: Callable[..., Any]) -> None:
    """However many rows are dead, a transaction removes a bounded number, and all go; the living ones stay."""
    rows = [
        {"issuer": "i", "handoff_id": f"_{n}", "org_id": 42, "spent_until": now + (SECOND if n < 3 else -SECOND)}
        for n in range(28)
    ]
    with engine.begin() as connection:
        connection.execute(insert(spent_handoffs), rows)
    batches: list[object] = []
    event.listen(engine, "commit", batches.append)
    purged = purge(engine, idle=timedelta(hours=1), audit_kept=None, now=now, batch_rows=10)
    assert purged == Purged(spent_handoffs=25, sessions=0, audit_events=0)
    assert len(batches) >= 3
    assert counts() == {"spent_handoffs": 3}


@pytest.mark.parametrize("audit_kept", [None, DAY])
def test_the_trail_is_kept_as_long_as_was_said(
    audit_kept: timedelta | None, engine: Engine, now: datetime, rows: Callable[..., Any]
) -> None:
    """Rows of that age go, oldest first and in batches; younger ones stay, and so do all where nothing was said.

    A row of a clock that was wrong stands in nobody's way.
    """
    ages = [-400 * DAY, *[2 * DAY] * 12, DAY, DAY - SECOND, SECOND]
    trail = [{"at": now - age, "org_id": 42, "actor": "person", "event": "sign_in"} for age in ages]
    with engine.begin() as connection:
        connection.execute(insert(audit_events), trail)
    purged = purge(engine, idle=DAY, audit_kept=audit_kept, now=now, batch_rows=5)
    assert purged.audit_events == (13 if audit_kept else 0)
    assert len(rows(audit_events)) == len(ages) - purged.audit_events
    if audit_kept:
        assert all(now - row.at < DAY for row in rows(audit_events))
