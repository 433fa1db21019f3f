"""Many processes and threads at once, on SQLite and PostgreSQL: exactly once, and never an error nobody foresaw."""

import os
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Engine

from bridge.accounts.records import OpenedSession
from bridge.accounts.rows import find_by_email, find_by_key
from bridge.accounts.store import AccountStore
from bridge.accounts.tables import accounts, identities
from bridge.errors import DatabaseUnavailable, HandoffReplayed
from bridge.identity import Email, IdentityKey

PROCESSES = 8
ANN = {"do": "sign_in", "uid": "100", "email": "ann@acme.example"}


def race(child: Callable[[], Any], url: str, jobs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Do each job in a process of its own, all started at the same word; return what they say."""
    processes = [child() for _ in jobs]
    for process, job in zip(processes, jobs, strict=True):
        process.tell(url=url, **job)
    assert all(process.hear() == {"ready": True} for process in processes)
    for process in processes:
        process.tell(go=True)
    return [process.hear() for process in processes]


def test_one_handoff_in_many_processes_opens_one_session(
    database_url: str, child: Callable[[], Any], store: AccountStore, now: datetime, counts: Callable[..., Any]
) -> None:
    """Exactly one process gets the session; all others are told that the handoff is spent."""
    said = race(child, database_url, [{**ANN, "handoff_id": "_1"}] * PROCESSES)
    assert Counter(answer.get("refused", "opened") for answer in said) == {"opened": 1, "handoff.replayed": PROCESSES - 1}
    [token] = [answer["token"] for answer in said if "token" in answer]
    assert store.session(token, org_id=42, now=now) is not None
    assert counts() == {
        "accounts": 1,
        "identities": 1,
        "claim_wishes": 1,
        "sessions": 1,
        "spent_handoffs": 1,
        "audit_events": 2,
    }


def test_one_refused_handoff_in_many_processes_leaves_one_audit_row(
    database_url: str, child: Callable[[], Any], counts: Callable[..., Any]
) -> None:
    """Whoever holds one signed handoff cannot fill the audit trail with it; each post is refused for its own reason."""
    said = race(child, database_url, [{**ANN, "handoff_id": "_1", "signup": "closed"}] * PROCESSES)
    assert Counter(answer.get("refused", str(answer)) for answer in said) == {"account.signup_closed": PROCESSES}
    assert counts() == {"audit_events": 1}


def test_first_sign_ins_of_one_person_make_one_account(
    database_url: str, child: Callable[[], Any], store: AccountStore, now: datetime, counts: Callable[..., Any]
) -> None:
    """Everybody gets a session of the same account, one of them created it, and there is one identity."""
    said = race(child, database_url, [{**ANN, "handoff_id": f"_{n}"} for n in range(PROCESSES)])
    assert Counter(answer.get("outcome", str(answer)) for answer in said) == {"created": 1, "known": PROCESSES - 1}
    assert len({answer["account"] for answer in said}) == 1
    assert all(store.session(answer["token"], org_id=42, now=now) for answer in said)
    assert counts() == {
        "accounts": 1,
        "identities": 1,
        "claim_wishes": 1,
        "sessions": PROCESSES,
        "spent_handoffs": PROCESSES,
        "audit_events": PROCESSES + 1,
    }


def test_two_providers_of_one_new_person_make_one_account(
    database_url: str, child: Callable[[], Any], counts: Callable[..., Any]
) -> None:
    """Whoever comes second finds the address owned and links, as if they had come one after the other."""
    jobs = [{**ANN, "handoff_id": f"_{n}", "provider": ("google_oauth2", "github")[n % 2]} for n in range(PROCESSES)]
    said = race(child, database_url, jobs)
    assert Counter(answer.get("outcome", str(answer)) for answer in said) == {"created": 1, "linked": 1, "known": PROCESSES - 2}
    assert {name: counts()[name] for name in ("accounts", "identities", "sessions")} == {
        "accounts": 1,
        "identities": 2,
        "sessions": PROCESSES,
    }


def test_two_uids_of_one_provider_never_both_get_the_account(
    database_url: str, child: Callable[[], Any], rows: Callable[..., Any]
) -> None:
    """Rule 4 under a race: one uid has the account, the others are conflicts, and none is linked beside it."""
    said = race(child, database_url, [{**ANN, "handoff_id": f"_{n}", "uid": str(n)} for n in range(PROCESSES)])
    codes = Counter(answer.get("refused", answer.get("outcome", str(answer))) for answer in said)
    assert codes == {"created": 1, "account.identity_conflict": PROCESSES - 1}
    assert len(rows(identities)) == 1


def test_people_with_one_username_all_get_in(database_url: str, child: Callable[[], Any], rows: Callable[..., Any]) -> None:
    """Eight new people who are all called `ann` get eight usernames; nobody sees an error."""
    jobs = [
        {"do": "sign_in", "uid": str(n), "email": f"ann{n}@acme.example", "username": "ann", "handoff_id": f"_{n}"}
        for n in range(PROCESSES)
    ]
    said = race(child, database_url, jobs)
    assert Counter(answer.get("outcome", str(answer)) for answer in said) == {"created": PROCESSES}
    names = {row.username for row in rows(accounts)}
    assert len(names) == PROCESSES
    assert all(name == "ann" or name.startswith("ann-") for name in names)


def test_nobody_is_blocked_between_rule_and_session(
    sign_in: Callable[..., OpenedSession], engine: Engine, impatient_engine: Engine, now: datetime
) -> None:
    """While a sign-in has found its account active, blocking it waits: a session cannot slip in behind the block."""
    opened = sign_in()
    operator = AccountStore(
        impatient_engine, session_prefix="cell-2", idle=timedelta(1), absolute=timedelta(1), random_bytes=os.urandom
    )
    for by_key in (True, False):
        with engine.begin() as connection:
            if by_key:
                assert find_by_key(connection, IdentityKey("google_oauth2", "100200300"), org_id=42) == opened.account
            else:
                assert find_by_email(connection, Email("ann@acme.example"), org_id=42) == opened.account
            with pytest.raises(DatabaseUnavailable):
                operator.set_state(opened.account.id, "blocked", org_id=42, actor="operator:eve", now=now)
    operator.set_state(opened.account.id, "blocked", org_id=42, actor="operator:eve", now=now)


def test_threads_share_a_store(sign_in: Callable[..., OpenedSession], counts: Callable[..., Any]) -> None:
    """The same two races inside one process, whose threads share the connection pool."""

    def replay(_: int) -> str:
        try:
            return sign_in(handoff_id="_1").outcome
        except HandoffReplayed as refusal:
            return refusal.code

    with ThreadPoolExecutor(PROCESSES) as pool:
        assert Counter(pool.map(replay, range(20))) == {"created": 1, "handoff.replayed": 19}
        assert Counter(pool.map(lambda n: sign_in(handoff_id=f"_t{n}").outcome, range(20))) == {"known": 20}
    assert counts()["sessions"] == 21
