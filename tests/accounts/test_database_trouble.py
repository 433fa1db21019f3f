"""A database that is in trouble is one refusal for everybody above, whose reason tells nothing of what was asked."""

import os
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import TimeoutError as PoolExhausted

from bridge.accounts.database import open_engine
from bridge.accounts.store import AccountStore
from bridge.accounts.trouble import trouble_is_told
from bridge.errors import DatabaseUnavailable
from bridge.identity import Email, IdentityKey

DAY = timedelta(days=1)


def store_on(engine: Engine) -> AccountStore:
    """Return a store on *engine*."""
    return AccountStore(engine, session_prefix="cell-2", idle=DAY, absolute=DAY, random_bytes=os.urandom)


def test_tables_that_are_missing(bare_database_url: str, now: datetime) -> None:
    """Reading, writing and an operator's hand all say what to run, and none of them says what was asked."""
    engine = open_engine(bare_database_url)
    store = store_on(engine)
    key = IdentityKey("github", "583231")
    asked: list[Callable[[], object]] = [
        lambda: store.session("cell-2-" + "a" * 43, org_id=42, now=now),
        lambda: store.end_session("cell-2-" + "a" * 43, org_id=42, now=now, reference="7KQ2M-4XD9R"),
        lambda: store.open_local(
            identity_key=key, org_id=0, org_name="", reference="7KQ2M-4XD9R", now=now, previous_token=None
        ),
        lambda: store.add_account(
            org_id=42, email=Email("ann@acme.example"), email_confirmed=True, username="a", name="A", actor="harness", now=now
        ),
    ]
    for ask in asked:
        with pytest.raises(DatabaseUnavailable) as refused:
            ask()
        assert refused.value.evidence() == {"reason": "tables are missing or old; run cellbridge db upgrade"}
    engine.dispose()


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("sqlite:////no/such/folder/cell.db", "OperationalError SQLITE_CANTOPEN"),
        ("postgresql://cell:SECRETVALUE@127.0.0.1:1/cell", "OperationalError"),
    ],
)
def test_a_database_that_cannot_be_reached(url: str, reason: str, now: datetime) -> None:
    """The reason is the driver's class and code: no password, no address."""
    engine = open_engine(url)
    store = store_on(engine)
    asked: list[Callable[[], object]] = [lambda: store.session("x", org_id=42, now=now), store.check_ready]
    for ask in asked:
        with pytest.raises(DatabaseUnavailable) as refused:
            ask()
        assert refused.value.evidence() == {"reason": reason}
    engine.dispose()


def test_a_file_that_is_no_database(tmp_path: Path, now: datetime) -> None:
    """A damaged file is trouble of the database, too."""
    (tmp_path / "cell.db").write_bytes(b"SECRETVALUE" * 1000)
    engine = open_engine(f"sqlite:///{tmp_path / 'cell.db'}")
    with pytest.raises(DatabaseUnavailable) as refused:
        store_on(engine).session("x", org_id=42, now=now)
    assert refused.value.evidence() == {"reason": "DatabaseError SQLITE_NOTADB"}
    engine.dispose()


def test_a_pool_without_a_free_connection() -> None:
    """Too many requests at once are trouble that passes by itself."""
    with pytest.raises(DatabaseUnavailable), trouble_is_told():
        raise PoolExhausted
