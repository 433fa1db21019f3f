"""Purging what no longer means anything."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from bridge.accounts.purge import purge
from bridge.accounts.records import OpenedSession, Purged
from bridge.accounts.store import AccountStore
from bridge.accounts.tables import spent_handoffs
from bridge.errors import HandoffReplayed

SECOND = timedelta(seconds=1)


def test_handoff_stays_spent_until_it_cannot_be_accepted(
    sign_in: Callable[..., OpenedSession], store: AccountStore, now: datetime
) -> None:
    """The row goes when the window has passed, not a moment before: until then the replay is known."""
    sign_in(handoff_id="_1", spent_until=now + 90 * SECOND)
    assert store.purge(now + 90 * SECOND - timedelta(microseconds=1)) == Purged(spent_handoffs=0, sessions=0)
    with pytest.raises(HandoffReplayed):
        sign_in(handoff_id="_1")
    assert store.purge(now + 90 * SECOND) == Purged(spent_handoffs=1, sessions=0)


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
    assert purge(engine, idle=timedelta(hours=1), now=now, batch_rows=10) == Purged(spent_handoffs=25, sessions=0)
    assert counts() == {"spent_handoffs": 3}
