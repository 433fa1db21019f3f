"""Sessions: how long they live, where they count, how they end; and the legacy cell's own sign-in."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event

from bridge.accounts.database import current
from bridge.accounts.policy import LEGACY_ORG_ID
from bridge.accounts.records import Account, OpenedSession
from bridge.accounts.store import AccountStore, AlreadyTaken
from bridge.accounts.tables import audit_events, sessions
from bridge.errors import AccountBlocked, AccountPending, DatabaseNotReady, NoSuchAccount
from bridge.identity import Email, IdentityKey

Builder = Callable[..., Any]
SignIn = Callable[..., OpenedSession]
KEY = IdentityKey("google_oauth2", "100200300")
MINUTE = timedelta(minutes=1)


@pytest.fixture
def local(store: AccountStore, now: datetime) -> Account:
    """An account of the legacy cell itself, with an identity."""
    account = store.add_account(
        org_id=LEGACY_ORG_ID,
        email=Email("root@cells.example"),
        email_confirmed=True,
        username="operator",
        name="Operator",
        actor="operator:test",
        now=now,
    )
    store.add_identity(account, KEY, actor="operator:test", now=now)
    return account


def open_local(store: AccountStore, now: datetime, **changes: Any) -> OpenedSession | None:
    """Sign in on the legacy cell."""
    fields: dict[str, Any] = {
        "identity_key": KEY,
        "org_id": LEGACY_ORG_ID,
        "org_name": "this site",
        "reference": "7KQ2M-4XD9R",
        "now": now,
        "previous_token": None,
    }
    return store.open_local(**{**fields, **changes})


def test_idle_session_ends(sign_in: SignIn, store: AccountStore, now: datetime) -> None:
    """A session that nobody used for the idle time is dead at that very moment; one that is used lives on."""
    opened = sign_in()
    hour = timedelta(hours=1)
    assert store.session(opened.token, org_id=42, now=now + hour - MINUTE) is not None
    assert store.session(opened.token, org_id=42, now=now + 2 * hour - 2 * MINUTE) is not None
    assert store.session(opened.token, org_id=42, now=now + 3 * hour - 2 * MINUTE) is None


def test_used_session_ends_at_its_absolute_age(sign_in: SignIn, store: AccountStore, now: datetime) -> None:
    """However busy a session is, it ends after the absolute lifetime."""
    opened = sign_in()
    assert opened.expires_at == now + timedelta(hours=8)
    for minutes in range(30, 8 * 60, 30):
        assert store.session(opened.token, org_id=42, now=now + minutes * MINUTE) is not None
    assert store.session(opened.token, org_id=42, now=now + timedelta(hours=8)) is None


def test_use_is_written_once_a_minute(
    sign_in: SignIn, store: AccountStore, engine: Engine, now: datetime, rows: Builder
) -> None:
    """A page with fifty requests writes nothing; after a minute one request writes."""
    opened = sign_in()
    writes: list[str] = []

    def note(_: Connection, __: Any, statement: str, *___: Any) -> None:
        if statement.startswith("UPDATE"):
            writes.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    for seconds in (0, 1, 30, 59):
        assert store.session(opened.token, org_id=42, now=now + timedelta(seconds=seconds)) is not None
    assert writes == []
    for seconds in (60, 61, 100):
        assert store.session(opened.token, org_id=42, now=now + timedelta(seconds=seconds)) is not None
    assert len(writes) == 1
    assert rows(sessions)[0].last_seen_at == now + MINUTE


def test_late_request_does_not_turn_the_clock_back(sign_in: SignIn, store: AccountStore, now: datetime, rows: Builder) -> None:
    """Two workers' clocks differ a little: an older time never overwrites a newer one."""
    opened = sign_in()
    store.session(opened.token, org_id=42, now=now + 10 * MINUTE)
    assert store.session(opened.token, org_id=42, now=now + 5 * MINUTE) is not None
    assert rows(sessions)[0].last_seen_at == now + 10 * MINUTE


@pytest.mark.parametrize(
    "token",
    ["", "x", "cell-2-", "cell-2-AAAA", "cell-3-{random}", "{random}", " {token}", "{token}A", "{token}\n", "\udcff{token}"],
)
def test_other_tokens_open_nothing(token: str, sign_in: SignIn, store: AccountStore, now: datetime) -> None:
    """A token counts exactly as it was given out, and a broken one is no error."""
    opened = sign_in()
    raw = token.format(token=opened.token, random=opened.token.removeprefix("cell-2-"))
    assert store.session(raw, org_id=42, now=now) is None


def test_session_counts_in_its_organization_alone(sign_in: SignIn, store: AccountStore, now: datetime) -> None:
    """One origin serves all organizations, so a cookie of one may be sent to another: it opens nothing and ends nothing."""
    opened = sign_in()
    assert store.session(opened.token, org_id=43, now=now) is None
    assert store.end_session(opened.token, org_id=43, now=now, reference="7KQ2M-4XD9R") is False
    assert store.session(opened.token, org_id=42, now=now) is not None


def test_sign_out_ends_the_session_on_the_server(sign_in: SignIn, store: AccountStore, now: datetime, rows: Builder) -> None:
    """The token is dead for everybody who has it, other sessions of the account live on, and the audit knows."""
    opened, other = sign_in(), sign_in()
    assert store.end_session(opened.token, org_id=42, now=now, reference="ABCDE-12345") is True
    assert store.session(opened.token, org_id=42, now=now) is None
    assert store.session(other.token, org_id=42, now=now) is not None
    row = rows(audit_events)[-1]
    assert (row.event, row.account_id, row.reference) == ("sign_out", opened.account.id, "ABCDE-12345")
    assert store.end_session(opened.token, org_id=42, now=now, reference="ABCDE-12345") is False
    assert rows(audit_events)[-1] == row


def test_blocking_ends_every_session_and_unblocking_revives_none(
    sign_in: SignIn, store: AccountStore, now: datetime, rows: Builder
) -> None:
    """A blocked person is out at once, on every device, and has to sign in again afterwards."""
    opened = sign_in()
    store.set_state(opened.account.id, "blocked", org_id=42, actor="operator:eve", now=now)
    assert store.session(opened.token, org_id=42, now=now) is None
    with pytest.raises(AccountBlocked):
        sign_in()
    store.set_state(opened.account.id, "active", org_id=42, actor="operator:eve", now=now)
    assert store.session(opened.token, org_id=42, now=now) is None
    assert sign_in().outcome == "known"
    assert [(row.event, row.actor) for row in rows(audit_events) if row.actor != "person"] == [
        ("block", "operator:eve"),
        ("unblock", "operator:eve"),
    ]


def test_session_of_an_account_that_is_not_active_does_not_count(
    sign_in: SignIn, store: AccountStore, engine: Engine, now: datetime
) -> None:
    """The account's state is looked at with every request, however it came to change."""
    opened = sign_in()
    for state in ("blocked", "pending"):
        with engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE accounts SET state = '{state}'")  # noqa: S608 - a constant
        assert store.session(opened.token, org_id=42, now=now) is None


def test_operator_cannot_change_an_account_of_another_organization(
    sign_in: SignIn, store: AccountStore, now: datetime, counts: Builder
) -> None:
    """An account's number alone is not enough: the organization must be the right one, and nothing is written otherwise."""
    opened = sign_in()
    before = counts()
    with pytest.raises(NoSuchAccount):
        store.set_state(opened.account.id, "blocked", org_id=43, actor="operator:eve", now=now)
    assert counts() == before
    assert store.session(opened.token, org_id=42, now=now) is not None


def test_operator_cannot_take_what_is_taken(local: Account, store: AccountStore, now: datetime, counts: Builder) -> None:
    """A second account with the address, or a second owner of the identity, is refused and nothing is written."""
    before = counts()
    bob: dict[str, Any] = {"email_confirmed": True, "name": "Bob", "actor": "operator:eve", "now": now, "org_id": LEGACY_ORG_ID}
    with pytest.raises(AlreadyTaken):
        store.add_account(email=Email("ROOT@cells.example"), username="bob", **bob)
    with pytest.raises(AlreadyTaken):
        store.add_account(email=Email("bob@cells.example"), username="OPERATOR", **bob)
    with pytest.raises(AlreadyTaken):
        store.add_identity(local, IdentityKey("google_oauth2", "another"), actor="operator:eve", now=now)
    assert counts() == before


def test_local_user_of_the_legacy_cell_gets_a_session(
    local: Account, store: AccountStore, now: datetime, rows: Builder
) -> None:
    """A known identity opens its account on the legacy cell; the browser's session before it ends."""
    first = open_local(store, now)
    assert first is not None
    assert (first.account, first.outcome) == (local, "known")
    second = open_local(store, now, previous_token=first.token)
    assert second is not None
    assert store.session(first.token, org_id=LEGACY_ORG_ID, now=now) is None
    assert store.session(second.token, org_id=LEGACY_ORG_ID, now=now) is not None
    assert [(row.event, row.rule) for row in rows(audit_events)][-2:] == [("sign_in", 2), ("sign_in", 2)]


def test_stranger_to_the_legacy_cell_leaves_no_trace(
    local: Account, store: AccountStore, now: datetime, counts: Builder
) -> None:
    """Most people of the global page live on another cell: for them nothing is written, though their email may be known."""
    before = counts()
    assert open_local(store, now, identity_key=IdentityKey("google_oauth2", "2")) is None
    assert open_local(store, now, identity_key=IdentityKey("github", KEY.uid)) is None
    assert open_local(store, now, org_id=42) is None
    assert counts() == before


def test_blocked_local_user_is_refused_and_audited(
    *, local: Account, store: AccountStore, engine: Engine, now: datetime, rows: Builder, counts: Builder
) -> None:
    """Rule 1 holds on the legacy cell too: no session, one audit row."""
    for state, refusal in (("blocked", AccountBlocked), ("pending", AccountPending)):
        with engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE accounts SET state = '{state}'")  # noqa: S608 - a constant
        before = counts()
        with pytest.raises(refusal) as caught:
            open_local(store, now)
        assert (caught.value.org, caught.value.rule) == ("this site", 1)
        assert counts() == {**before, "audit_events": before["audit_events"] + 1}
        row = rows(audit_events)[-1]
        assert (row.event, row.code, row.account_id) == ("refused", refusal.code, local.id)


def test_readiness_wants_the_newest_migration(store: AccountStore, engine: Engine) -> None:
    """A database that answers, but without our newest tables, is not ready, and the reason says what to run."""
    store.check_ready()
    newest = current(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM alembic_version")
    try:
        with pytest.raises(DatabaseNotReady, match="cellbridge db upgrade"):
            store.check_ready()
    finally:
        with engine.begin() as connection:
            connection.exec_driver_sql(f"INSERT INTO alembic_version VALUES ('{newest}')")  # noqa: S608 - a constant
