"""The sessions of one account: what its owner sees of them, and ending one, some or all."""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from bridge.accounts.records import OpenedSession
from bridge.accounts.session_list import LISTED
from bridge.accounts.store import AccountStore
from bridge.accounts.tables import audit_events
from bridge.errors import AccountBlocked, DatabaseUnavailable

SignIn = Callable[..., OpenedSession]
MINUTE = timedelta(minutes=1)
ASKED: dict[str, Any] = {"org_id": 42, "reference": "7KQ2M-4XD9R"}


@pytest.fixture
def somebody_else(sign_in: SignIn, identity: Callable[..., Any]) -> OpenedSession:
    """A session of another account of the organization."""
    return sign_in(identity=identity(uid="2", email="bob@acme.example"))


def test_the_list_shows_what_lives(sign_in: SignIn, somebody_else: OpenedSession, store: AccountStore, now: datetime) -> None:
    """Newest first, with provider and times; the asking browser's is marked; nothing of others."""
    mine = sign_in(session_ends=now + 10 * MINUTE).account.id
    first, second = sign_in(now=now + MINUTE), sign_in(now=now + 2 * MINUTE)
    assert store.session(first.token, org_id=42, now=now + 30 * MINUTE) is not None
    listed = store.sessions_of(mine, org_id=42, now=now + 30 * MINUTE, token=first.token)
    assert [(one.signed_in_at, one.last_seen_at, one.here) for one in listed] == [
        (now + 2 * MINUTE, now + 2 * MINUTE, False),
        (now + MINUTE, now + 30 * MINUTE, True),
    ]
    assert {(one.provider, one.expires_at) for one in listed} == {
        ("google_oauth2", first.expires_at),
        ("google_oauth2", second.expires_at),
    }
    assert len(store.sessions_of(mine, org_id=42, now=now + 5 * MINUTE)) == 3
    assert not any(one.here for one in store.sessions_of(mine, org_id=42, now=now, token=somebody_else.token))
    assert store.sessions_of(mine, org_id=43, now=now) == []
    assert store.sessions_of(mine, org_id=42, now=now + 10 * timedelta(days=1)) == []


def test_the_list_has_an_end(sign_in: SignIn, store: AccountStore, now: datetime) -> None:
    """Somebody who signs in by a script gets a page, not a flood; the newest are on it."""
    opened = [sign_in() for _ in range(LISTED + 3)]
    listed = store.sessions_of(opened[0].account.id, org_id=42, now=now, token=opened[-1].token)
    assert len(listed) == LISTED
    assert listed[0].here
    assert store.end_all(opened[0].account.id, now=now, **ASKED) == LISTED + 3


def test_one_session_is_ended_by_its_number(
    sign_in: SignIn, somebody_else: OpenedSession, store: AccountStore, now: datetime, rows: Callable[..., Any]
) -> None:
    """That one is over at once and the others go on; the trail says who ended it."""
    here, there = sign_in(), sign_in()
    account = here.account.id
    (number,) = [one.id for one in store.sessions_of(account, org_id=42, now=now, token=there.token) if one.here]
    assert store.end_session_by_id(number, account_id=account, now=now, actor="operator:eve", **ASKED)
    assert store.session(there.token, org_id=42, now=now) is None
    assert store.session(here.token, org_id=42, now=now) is not None
    assert store.session(somebody_else.token, org_id=42, now=now) is not None
    row = rows(audit_events)[-1]
    assert (row.event, row.account_id, row.actor, row.reference) == ("sign_out", account, "operator:eve", "7KQ2M-4XD9R")
    assert not store.end_session_by_id(number, account_id=account, now=now, **ASKED)
    assert rows(audit_events)[-1].id == row.id


@pytest.mark.parametrize("number", [0, -1, 2**63, 10**30])
def test_a_number_that_is_none_ends_nothing(number: int, sign_in: SignIn, store: AccountStore, now: datetime) -> None:
    """Numbers come from forms: one that no row can have is nobody's session, on both databases, and no error."""
    opened = sign_in()
    assert not store.end_session_by_id(number, account_id=opened.account.id, now=now, **ASKED)
    assert store.session(opened.token, org_id=42, now=now) is not None


def test_nobody_ends_a_session_of_somebody_else(
    sign_in: SignIn, somebody_else: OpenedSession, store: AccountStore, now: datetime, rows: Callable[..., Any]
) -> None:
    """A number alone opens nothing: the account and the organization have to be its owner's, or nothing is written."""
    mine = sign_in().account.id
    (theirs,) = [one.id for one in store.sessions_of(somebody_else.account.id, org_id=42, now=now)]
    before = rows(audit_events)
    assert not store.end_session_by_id(theirs, account_id=mine, now=now, **ASKED)
    assert not store.end_session_by_id(theirs, account_id=somebody_else.account.id, now=now, **{**ASKED, "org_id": 43})
    assert store.end_all(somebody_else.account.id, now=now, **{**ASKED, "org_id": 43}) == 0
    assert store.session(somebody_else.token, org_id=42, now=now) is not None
    assert rows(audit_events) == before


@pytest.mark.parametrize("keeps_this_one", [True, False])
def test_all_sessions_are_ended(
    *, keeps_this_one: bool, sign_in: SignIn, somebody_else: OpenedSession, store: AccountStore, now: datetime
) -> None:
    """All of the account's own, or all but the browser's that asks; nobody else's, and the next sign-in works."""
    opened = [sign_in() for _ in range(3)]
    kept = opened[1].token if keeps_this_one else None
    assert store.end_all(opened[0].account.id, now=now, except_token=kept, **ASKED) == (2 if keeps_this_one else 3)
    alive = [one.token for one in opened if store.session(one.token, org_id=42, now=now)]
    assert alive == ([kept] if keeps_this_one else [])
    assert store.session(somebody_else.token, org_id=42, now=now) is not None
    assert store.session(sign_in().token, org_id=42, now=now) is not None


def test_somebody_elses_token_keeps_nothing(
    sign_in: SignIn, somebody_else: OpenedSession, store: AccountStore, now: datetime
) -> None:
    """A token that is not the account's own, or no token at all, spares no session."""
    for token in (somebody_else.token, "cell-2-nothing", "x", ""):
        opened = sign_in()
        assert store.end_all(opened.account.id, now=now, except_token=token, **ASKED) == 1
        assert store.session(opened.token, org_id=42, now=now) is None
    assert store.session(somebody_else.token, org_id=42, now=now) is not None


def test_ending_all_waits_for_a_sign_in_under_way(
    sign_in: SignIn, engine: Engine, impatient_engine: Engine, now: datetime
) -> None:
    """Whoever found the account active has their session ended too, or opens it afterwards: none slips in between."""
    opened = sign_in()
    impatient = AccountStore(impatient_engine, session_prefix="cell-2", idle=MINUTE, absolute=MINUTE, random_bytes=os.urandom)
    with engine.begin() as connection:
        connection.exec_driver_sql("SELECT id FROM accounts FOR SHARE" if engine.dialect.name == "postgresql" else "SELECT 1")
        with pytest.raises(DatabaseUnavailable):
            impatient.end_all(opened.account.id, now=now, **ASKED)
    assert impatient.end_all(opened.account.id, now=now, **ASKED) == 1


def test_signing_in_blocking_and_ending_at_once_leaves_no_session(
    sign_in: SignIn, store: AccountStore, now: datetime, rows: Callable[..., Any]
) -> None:
    """Ten sign-ins of one person, a block and two ends of all their sessions: each is done or refused, and none is torn.

    Whatever came first, a blocked account has no session afterwards.
    """
    account = sign_in().account.id

    def signed_in(_: int) -> str:
        try:
            return sign_in().outcome
        except AccountBlocked as refusal:
            return refusal.code

    with ThreadPoolExecutor(13) as pool:
        sign_ins = [pool.submit(signed_in, number) for number in range(10)]
        ends = [pool.submit(store.end_all, account, now=now, **ASKED) for _ in range(2)]
        block = pool.submit(store.set_state, account, "blocked", org_id=42, actor="operator:eve", now=now)
    assert {one.result() for one in sign_ins} <= {"known", "account.blocked"}
    assert all(one.result() >= 0 for one in ends)
    assert block.result().state == "blocked"
    assert store.sessions_of(account, org_id=42, now=now) == []
    events = [row.event for row in rows(audit_events)]
    assert (events.count("block"), events.count("sign_in") + events.count("refused")) == (1, 11)
