"""Opening and upgrading a cell's database, on SQLite and PostgreSQL."""

import traceback
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, insert, inspect, text
from sqlalchemy.exc import IntegrityError, StatementError

from bridge.accounts.database import at_head, current, open_engine, reading, upgrade
from bridge.accounts.store import AccountStore
from bridge.accounts.tables import audit_events, identities, metadata, sessions
from bridge.identity import Email


def test_upgrade_makes_the_tables_and_then_does_nothing(bare_database_url: str) -> None:
    """An empty database is not ready; after one upgrade it is, and a second one changes nothing."""
    engine = open_engine(bare_database_url)
    assert (current(engine), at_head(engine)) == (None, False)
    upgrade(engine)
    first = current(engine)
    assert first is not None
    assert at_head(engine)
    upgrade(engine)
    assert current(engine) == first
    engine.dispose()


def test_migrations_make_what_the_tables_say(engine: Engine) -> None:
    """The migrated database and `tables.py` describe the same columns, types, indexes and constraints."""
    with reading(engine) as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
    found = inspect(engine)
    for table in metadata.sorted_tables:
        declared = {str(constraint.name) for constraint in table.constraints}
        made = {constraint["name"] for constraint in found.get_unique_constraints(table.name)}
        made |= {constraint["name"] for constraint in found.get_foreign_keys(table.name)}
        made |= {constraint["name"] for constraint in found.get_check_constraints(table.name)}
        assert made == declared - {f"pk_{table.name}", "None"}


def test_processes_upgrade_at_once(bare_database_url: str, child: Callable[[], Any]) -> None:
    """Four processes that start on an empty database together all find it ready, and none of them breaks."""
    url = bare_database_url
    processes = [child() for _ in range(4)]
    for process in processes:
        process.tell(do="upgrade", url=url)
    assert [process.hear() for process in processes] == [{"ready": True}] * 4
    for process in processes:
        process.tell(go=True)
    assert [process.hear() for process in processes] == [{"done": True}] * 4
    engine = open_engine(url)
    assert at_head(engine)
    engine.dispose()


def test_a_failed_upgrade_leaves_nothing(bare_database_url: str) -> None:
    """Migrations are one transaction, on SQLite too: when the third table cannot be made, the first is not there either."""
    engine = open_engine(bare_database_url)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE sessions (id INTEGER)"))
    with pytest.raises(Exception, match="already exists"):
        upgrade(engine)
    assert inspect(engine).get_table_names() == ["sessions"]
    engine.dispose()


@pytest.mark.parametrize("url", ["mysql://localhost/cell", "oracle://localhost/cell"])
def test_other_databases_are_refused(url: str) -> None:
    """Only databases that the suite runs on are opened."""
    with pytest.raises(ValueError, match="SQLite or PostgreSQL"):
        open_engine(url)


def test_sqlite_readers_do_not_wait_for_a_writer(engine: Engine, store: AccountStore, now: datetime) -> None:
    """While one connection writes, another reads what was there before."""
    with engine.begin() as writer:
        writer.execute(insert(audit_events).values(at=now, org_id=42, actor="person", event="sign_in"))
        with reading(engine) as reader:
            assert reader.scalar(text("SELECT count(*) FROM audit_events")) == 0
        assert store.session("cell-2-nothing", org_id=42, now=now) is None


def test_error_texts_hold_no_values(engine: Engine, store: AccountStore, now: datetime) -> None:
    """A database error that reaches a log names no address."""
    account: dict[str, Any] = {"email_confirmed": True, "username": "ann", "name": "Ann", "actor": "operator:test", "now": now}
    store.add_account(org_id=42, email=Email("ann@acme.example"), **account)
    again = Email("Ann@acme.example")
    with pytest.raises(ValueError, match="taken") as caught:
        store.add_account(org_id=42, email=again, **account)
    assert isinstance(caught.value.__cause__, IntegrityError)
    whole = "".join(traceback.format_exception(caught.value))
    assert "acme.example" not in whole
    assert "email_folded" in whole  # what was taken can be seen, though not whose it is


@pytest.mark.parametrize("table", [identities, sessions], ids=["identities", "sessions"])
def test_nothing_points_into_another_organization(table: Any, engine: Engine, store: AccountStore, now: datetime) -> None:
    """The database itself refuses an identity or a session of an account of another organization."""
    ann = store.add_account(
        org_id=42,
        email=Email("ann@acme.example"),
        email_confirmed=True,
        username="ann",
        name="Ann",
        actor="operator:test",
        now=now,
    )
    values: dict[str, Any] = {"account_id": ann.id, "org_id": 43, "provider": "github", "created_at": now}
    if table is identities:
        values["extern_uid"] = "1"
    else:
        values |= {"token_sha256": "0" * 64, "last_seen_at": now, "expires_at": now}
    with pytest.raises(IntegrityError), engine.begin() as connection:
        connection.execute(insert(table).values(**values))
    with engine.begin() as connection:
        connection.execute(insert(table).values(**{**values, "org_id": 42}))


def test_times_are_kept_in_utc(engine: Engine, rows: Callable[..., list[Any]]) -> None:
    """A time with another offset comes back as the same moment in UTC, and a naive one is refused."""
    moment = datetime(2026, 3, 1, 20, 30, 0, 123456, tzinfo=timezone(timedelta(hours=8)))
    row = {"org_id": 42, "actor": "person", "event": "sign_in"}
    with engine.begin() as connection:
        connection.execute(insert(audit_events).values(at=moment, **row))
    [found] = rows(audit_events)
    assert found.at == datetime(2026, 3, 1, 12, 30, 0, 123456, tzinfo=UTC)
    assert found.at.tzinfo is UTC
    with pytest.raises(StatementError, match="without a zone"), engine.begin() as connection:
        connection.execute(insert(audit_events).values(at=moment.replace(tzinfo=None), **row))
