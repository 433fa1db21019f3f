"""The purge in the background: it removes what is over, is in nobody's way, and outlives whatever fails."""

import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine, insert, select
from structlog.testing import capture_logs

from bridge.accounts.background import background_purge
from bridge.accounts.database import open_engine, upgrade
from bridge.accounts.purge import Purged, purge
from bridge.accounts.records import OpenedSession
from bridge.accounts.store import AccountStore
from bridge.accounts.tables import spent_handoffs

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)


def add_spent(engine: Engine, count: int, until: datetime) -> None:
    """Put *count* spent handoffs into the database."""
    rows = [{"issuer": "i", "handoff_id": f"_{n}-{until}", "org_id": 42, "spent_until": until} for n in range(count)]
    with engine.begin() as connection:
        connection.execute(insert(spent_handoffs), rows)


def test_the_thread_removes_what_is_over_until_it_is_stopped(
    engine: Engine, store: AccountStore, now: datetime, counts: Callable[[], dict[str, int]]
) -> None:
    """Whatever is over goes at the next turn, what is not stays, and `stop` leaves no thread behind."""
    add_spent(engine, 3, now - SECOND)
    add_spent(engine, 2, now + SECOND)
    turned = threading.Condition()
    turns: list[Purged] = []

    def purge_and_tell(moment: datetime) -> Purged:
        purged = store.purge(moment)
        with turned:
            turns.append(purged)
            turned.notify()
        return purged

    def two_more_turns() -> None:  # the first of them may have begun before
        with turned:
            seen = len(turns)
            assert turned.wait_for(lambda: len(turns) >= seen + 2, timeout=10)

    background = background_purge(purge_and_tell, seconds=0.01, clock=lambda: now, random_bytes=os.urandom).start()
    two_more_turns()
    assert counts() == {"spent_handoffs": 2}
    add_spent(engine, 4, now - 2 * SECOND)
    two_more_turns()
    assert counts() == {"spent_handoffs": 2}
    assert background.running
    background.stop()
    assert not background.running


def test_stopping_does_not_wait_for_the_pause(store: AccountStore, now: datetime) -> None:
    """A worker that ends does not wait for the next turn."""
    background = background_purge(store.purge, seconds=3600, clock=lambda: now, random_bytes=os.urandom).start()
    assert background.running
    background.stop()
    assert not background.running


@pytest.mark.parametrize(("random", "expected"), [(b"\x00\x00", 150.0), (b"\xff\xff", 450.0)])
def test_pauses_differ(store: AccountStore, now: datetime, random: bytes, expected: float) -> None:
    """Workers that start together do not purge together: half to one and a half times the interval, the first pause too."""
    background = background_purge(store.purge, seconds=300, clock=lambda: now, random_bytes=lambda _count: random)
    assert background.pause() == expected


def test_what_fails_is_logged_and_tried_again(bare_database_url: str, now: datetime) -> None:
    """A database that is not there yet ends nothing; the log names the kind of error, and no value."""
    engine = open_engine(bare_database_url)
    store = AccountStore(engine, session_prefix="cell-2", idle=HOUR, absolute=HOUR, random_bytes=os.urandom)
    background = background_purge(store.purge, seconds=1, clock=lambda: now, random_bytes=os.urandom)
    with capture_logs() as said:
        background.turn()
    (line,) = said
    assert (line["event"], line["kind"]) == ("purge.failed", "DatabaseUnavailable")
    assert line["evidence"] == {"reason": "tables are missing or old; run cellbridge db upgrade"}
    upgrade(engine)
    add_spent(engine, 1, now - SECOND)
    with capture_logs() as said:
        background.turn()
        background.turn()
    assert said == [{"event": "purge.done", "log_level": "info", "spent_handoffs": 1, "sessions": 0, "audit_events": 0}]
    engine.dispose()


def test_many_workers_at_once_are_in_nobodys_way(
    engine: Engine,
    now: datetime,
    sign_in: Callable[..., OpenedSession],
    identity: Callable[..., Any],
    counts: Callable[[], dict[str, int]],
) -> None:
    """Four workers purge the same rows while people sign in: no error, everybody gets a session, every dead row is gone."""
    add_spent(engine, 600, now - SECOND)
    people = [identity(uid=str(number), email=f"p{number}@acme.example") for number in range(20)]
    with ThreadPoolExecutor(8) as pool:
        purges = [pool.submit(purge, engine, idle=HOUR, audit_kept=None, now=now, batch_rows=25) for _ in range(4)]
        sessions = list(pool.map(lambda person: sign_in(identity=person), people))
    assert sum(one.result().spent_handoffs for one in purges) == 600
    assert len({session.token for session in sessions}) == 20
    assert counts()["spent_handoffs"] == 20


@pytest.mark.parametrize("backend", ["postgresql"])
def test_a_locked_row_is_left_for_the_next_turn(engine: Engine, impatient_engine: Engine, now: datetime) -> None:
    """On PostgreSQL a row that somebody holds is passed over, not waited for; SQLite has no locks of rows."""
    add_spent(engine, 5, now - SECOND)
    with engine.begin() as holder:
        holder.execute(select(spent_handoffs).limit(2).with_for_update()).all()
        assert purge(impatient_engine, idle=HOUR, audit_kept=None, now=now) == Purged(
            spent_handoffs=3, sessions=0, audit_events=0
        )
    assert purge(impatient_engine, idle=HOUR, audit_kept=None, now=now) == Purged(spent_handoffs=2, sessions=0, audit_events=0)
