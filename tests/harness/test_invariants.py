"""The program that judges the tables: silent about whole ones, and a sentence for each way in which rows can be torn."""

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, inspect

from bridge.accounts.database import open_engine, upgrade
from bridge.accounts.store import AccountStore
from bridge.harness.invariants import broken
from bridge.identity import Email, IdentityKey

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
TORN: dict[str, tuple[str, str]] = {
    "address twice": ("UPDATE accounts SET email_folded = 'ann@a.example', email = 'ann@a.example'", "2 times"),
    "username twice": ("UPDATE accounts SET username_folded = 'ann', username = 'Ann'", "2 times"),
    "uid twice": ("UPDATE identities SET extern_uid = '1'", "2 times"),
    "provider twice": ("UPDATE identities SET account_id = 1", "2 times"),
    "token twice": (
        "INSERT INTO sessions SELECT 9, org_id, account_id, token_sha256, provider, created_at, last_seen_at, "
        "expires_at FROM sessions",
        "2 times",
    ),
    "handoff twice": (
        "INSERT INTO spent_handoffs VALUES (1, 'i', '_1', 42, '2026-03-01'), (2, 'i', '_1', 42, '2026-03-01')",
        "2 times",
    ),
    "another name": ("UPDATE accounts SET email_folded = 'eve@a.example' WHERE id = 2", "other names"),
    "no account": ("DELETE FROM accounts WHERE id = 2", "belongs to no account"),
    "another organization": ("UPDATE sessions SET org_id = 43", "belongs to no account of its organization"),
    "blocked with a session": ("UPDATE accounts SET state = 'blocked' WHERE id = 1", "of an account that is blocked"),
    "account untold": ("DELETE FROM audit_events WHERE event = 'create'", "0 audit rows of its creation"),
    "created twice": ("UPDATE audit_events SET event = 'create' WHERE event = 'link'", "2 audit rows of its creation"),
    "identity untold": ("DELETE FROM audit_events WHERE event = 'link'", "is in no audit row"),
    "identity lost": ("DELETE FROM identities WHERE id = 2", "that is lost"),
    "another uid": ("UPDATE identities SET extern_uid = '3' WHERE id = 2", "is in no audit row"),
    "session untold": ("DELETE FROM audit_events WHERE event = 'sign_in'", "opened by no sign-in"),
    "spent for nothing": (
        "INSERT INTO spent_handoffs VALUES (1, 'i', '_1', 42, '2026-03-01'), (2, 'i', '_2', 42, '2026-03-01')",
        "2 spent handoffs for 1 sign-ins",
    ),
}


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """Two people with an identity each and one session, in tables that hold no constraint."""
    made = open_engine(f"sqlite:///{tmp_path / 'made.db'}")
    upgrade(made)
    store = AccountStore(made, session_prefix="cell-2", idle=DAY, absolute=DAY, random_bytes=secrets.token_bytes)
    for name, uid in (("ann", "1"), ("bob", "2")):
        account = store.add_account(
            org_id=42,
            email=Email(f"{name}@a.example"),
            email_confirmed=True,
            username=name,
            name=name,
            actor="harness",
            now=NOW,
        )
        store.add_identity(account, IdentityKey("github", uid), actor="harness", now=NOW)
    assert store.open_local(
        identity_key=IdentityKey("github", "1"),
        org_id=42,
        org_name="Acme",
        reference="7KQ2M-4XD9R",
        now=NOW,
        previous_token=None,
    )
    tables = inspect(made).get_table_names()
    made.dispose()
    with closing(sqlite3.connect(tmp_path / "bare.db")) as bare:
        bare.execute(f"ATTACH '{tmp_path / 'made.db'}' AS made")
        for table in tables:
            bare.execute(f"CREATE TABLE main.{table} AS SELECT * FROM made.{table}")  # noqa: S608 - our own names
        bare.commit()
    engine = open_engine(f"sqlite:///{tmp_path / 'bare.db'}")
    yield engine
    engine.dispose()


def test_whole_tables_are_whole(engine: Engine) -> None:
    """Nothing is said of rows that the store itself wrote; a sign-in without a handoff counts where that was asked."""
    assert broken(engine) == []
    assert broken(engine, handoffs_only=True) == ["organization 42 has 0 spent handoffs for 1 sign-ins"]


@pytest.mark.parametrize("how", TORN)
def test_torn_tables_are_told(how: str, engine: Engine) -> None:
    """Whatever constraint or transaction failed, the rows show it."""
    statement, said = TORN[how]
    with engine.begin() as connection:
        connection.exec_driver_sql(statement)
    assert any(said in sentence for sentence in broken(engine)), broken(engine)
