"""Two transactions that each look at what the other writes: afterwards it is as if one had come after the other.

The first stops just before its commit, the second waits for it, and what the second does has to count in what the first wrote.
"""

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event, text

from bridge.accounts.database import open_engine, reading
from bridge.accounts.records import OpenedSession
from bridge.accounts.store import AccountStore
from bridge.accounts.tables import sessions
from bridge.accounts.transaction import see_latest
from bridge.accounts.unlinking import unlink
from bridge.errors import AccountBlocked, AccountNotBound
from bridge.harness.processes import wait_until

DAY = timedelta(days=1)
ASKED: dict[str, Any] = {"org_id": 42, "reference": "7KQ2M-4XD9R"}
Do = Callable[[AccountStore, int, datetime], object]
ENDS: dict[str, Do] = {
    "block": lambda store, account, now: store.set_state(account, "blocked", org_id=42, actor="operator:eve", now=now),
    "end all": lambda store, account, now: store.end_all(account, now=now, **ASKED),
    "unlink": lambda store, account, now: store.change(lambda connection: _unlink(connection, account, now)),
}


def _unlink(connection: Connection, account: int, now: datetime) -> None:
    see_latest(connection)
    unlink(
        connection,
        account,
        "google_oauth2",
        open_providers=frozenset(),
        last_too=True,
        actor="operator:eve",
        now=now,
        **ASKED,
    )


class Late:
    """A store whose transactions stop before their commit until they are let go."""

    def __init__(self, url: str) -> None:
        self._engine = open_engine(url)
        self.store = AccountStore(self._engine, session_prefix="cell-2", idle=DAY, absolute=DAY, random_bytes=os.urandom)
        self.stopped, self.go = threading.Event(), threading.Event()
        event.listen(self._engine, "commit", self._stop)

    def _stop(self, _: object) -> None:
        self.stopped.set()
        assert self.go.wait(10)

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()


@pytest.fixture
def late(database_url: str) -> Iterator[Late]:
    """A store that is late."""
    store = Late(database_url)
    yield store
    store.close()


@contextmanager
def behind(
    late: Late, engine: Engine, first: Callable[[], object], second: Callable[[], object]
) -> Iterator[list[Future[Any]]]:
    """Run *first* up to its commit, *second* until it waits, and then both to their ends; give what became of them."""
    with ThreadPoolExecutor(2) as pool:
        done = [pool.submit(first)]
        assert late.stopped.wait(10)
        done.append(pool.submit(second))
        if engine.dialect.name == "postgresql":  # SQLite has one writer: the second waits at its very beginning
            wait_until(lambda: done[1].done() or _somebody_waits(engine), seconds=5, what="the second to wait for the first")
        late.go.set()
    yield done


def _somebody_waits(engine: Engine) -> bool:
    with reading(engine) as connection:
        return bool(connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted")))


@pytest.mark.parametrize("what", ENDS)
def test_what_ends_sessions_ends_those_it_waited_for(
    what: str,
    *,
    late: Late,
    engine: Engine,
    store: AccountStore,
    now: datetime,
    sign_in: Callable[..., OpenedSession],
    arrival: Callable[..., dict[str, Any]],
    rows: Callable[..., Any],
) -> None:
    """A session that was opened while a block, an end of all or an unlink waited for its sign-in is ended with the others."""
    account = sign_in().account.id
    with behind(late, engine, lambda: late.store.sign_in(**arrival()), lambda: ENDS[what](store, account, now)) as (
        signed_in,
        ended,
    ):
        assert signed_in.result().outcome == "known"
        ended.result()
    assert rows(sessions) == []


@pytest.mark.parametrize(("what", "refusal"), [("block", AccountBlocked), ("unlink", AccountNotBound)])
def test_a_sign_in_that_waited_is_judged_anew(
    what: str,
    refusal: type[Exception],
    *,
    late: Late,
    engine: Engine,
    store: AccountStore,
    now: datetime,
    sign_in: Callable[..., OpenedSession],
    arrival: Callable[..., dict[str, Any]],
    policy: Callable[..., Any],
    rows: Callable[..., Any],
) -> None:
    """Who signs in while a block or an unlink is about to be committed is refused by what it made, and gets no session."""
    account = sign_in().account.id
    fields = arrival(policy=policy(link_by_email=frozenset()))
    with behind(late, engine, lambda: ENDS[what](late.store, account, now), lambda: store.sign_in(**fields)) as (
        changed,
        signed_in,
    ):
        changed.result()
        with pytest.raises(refusal):
            signed_in.result()
    assert rows(sessions) == []
