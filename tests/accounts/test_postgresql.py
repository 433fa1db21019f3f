"""What holds on PostgreSQL alone: nobody waits for ever, reading only reads, and a server that changed its role is left."""

import os
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import Engine, create_engine, make_url, text
from sqlalchemy.exc import DBAPIError

from bridge.accounts.database import open_engine, reading
from bridge.accounts.policy import LEGACY_ORG_ID
from bridge.accounts.records import OpenedSession
from bridge.accounts.rows import find_by_email, find_by_key
from bridge.accounts.store import AccountStore
from bridge.accounts.tables import accounts
from bridge.accounts.transaction import transact
from bridge.accounts.trouble import trouble_is_told
from bridge.errors import DatabaseUnavailable
from bridge.identity import Email, IdentityKey

pytestmark = pytest.mark.parametrize("backend", ["postgresql"])
DAY = timedelta(days=1)
KEY = IdentityKey("google_oauth2", "100200300")


def store_on(engine: Engine) -> AccountStore:
    """Return a store on *engine*."""
    return AccountStore(engine, session_prefix="cell-2", idle=DAY, absolute=DAY, random_bytes=os.urandom)


@pytest.fixture
def hasty_engine(database_url: str) -> Iterator[Engine]:
    """An engine whose URL brings parameters of its own."""
    url = make_url(database_url).update_query_dict({"options": "-c statement_timeout=50ms -c application_name=hasty"})
    engine = open_engine(url.render_as_string(hide_password=False))
    yield engine
    engine.dispose()


@pytest.fixture
def new_connections(database_url: str) -> Iterator[Callable[[str], None]]:
    """Makes the server answer new connections as a standby does (`on`) or as a primary (`off`); old ones stay as they are."""
    other = create_engine(database_url, isolation_level="AUTOCOMMIT")

    def turn(read_only: str) -> None:
        with other.connect() as connection:
            connection.exec_driver_sql("SET default_transaction_read_only = off")
            connection.exec_driver_sql(f"ALTER DATABASE cell SET default_transaction_read_only = {read_only}")

    yield turn
    turn("off")
    other.dispose()


@pytest.mark.parametrize("setting", ["lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout"])
def test_every_wait_has_an_end(setting: str, engine: Engine) -> None:
    """The server itself ends a wait for a lock, a statement and an idle transaction, whatever its own settings are."""
    with reading(engine) as connection:
        assert connection.scalar(text(f"SHOW {setting}")) in ("5s", "15s")


def test_parameters_of_the_url_win(hasty_engine: Engine) -> None:
    """An operator may set what we set, and what we do not; ours stay where the URL is silent."""
    with reading(hasty_engine) as connection:
        found = [connection.scalar(text(f"SHOW {name}")) for name in ("statement_timeout", "application_name", "lock_timeout")]
    assert found == ["50ms", "hasty", "5s"]


def test_a_statement_that_takes_too_long_is_trouble_of_the_database(hasty_engine: Engine) -> None:
    """It is ended by the server, told as such, and not tried again: that would double the load that made it slow."""
    tries = 0

    def work(connection: object) -> None:
        nonlocal tries
        tries += 1
        connection.execute(text("SELECT pg_sleep(5)"))  # type: ignore[attr-defined]

    with pytest.raises(DatabaseUnavailable) as refused:
        transact(hasty_engine, work)
    assert (refused.value.evidence(), tries) == ({"reason": "QueryCanceled 57014"}, 1)


def test_reading_writes_nothing_and_locks_nothing(engine: Engine, sign_in: Callable[..., OpenedSession], now: datetime) -> None:
    """The server refuses both on a connection for reading, so that a look-up can stand in nobody's way."""
    opened = sign_in()
    for statement in (accounts.delete(), accounts.select().with_for_update(read=True)):
        with pytest.raises(DBAPIError, match="read-only transaction"), engine.connect() as connection:
            connection.execution_options(postgresql_readonly=True).execute(statement)
    with reading(engine) as connection:
        assert find_by_key(connection, KEY, org_id=42, hold=False) == opened.account
        assert find_by_email(connection, Email("ann@acme.example"), org_id=42, hold=False) == opened.account
    assert store_on(engine).session(opened.token, org_id=42, now=now) is not None  # a pooled connection writes again
    assert sign_in().outcome == "known"


def test_looking_for_a_local_person_waits_for_nobody(
    engine: Engine, impatient_engine: Engine, sign_in: Callable[..., OpenedSession], now: datetime
) -> None:
    """Somebody of another cell passes the legacy cell's table by, whoever holds rows of it."""
    sign_in()
    local = store_on(impatient_engine)
    with engine.begin() as holder:
        holder.execute(accounts.select().with_for_update())
        asked = {"org_name": "this site", "reference": "7KQ2M-4XD9R", "now": now, "previous_token": None}
        assert local.open_local(identity_key=KEY, org_id=LEGACY_ORG_ID, **asked) is None  # type: ignore[arg-type]
        with pytest.raises(DatabaseUnavailable):
            local.open_local(identity_key=KEY, org_id=42, **asked)  # type: ignore[arg-type]


def test_a_server_that_became_a_standby_is_left(
    new_connections: Callable[[str], None], sign_in: Callable[..., OpenedSession]
) -> None:
    """After a failover a pooled connection may lead to a server that takes no writes: that is trouble, not our mistake.

    The connection is dropped, so that the next sign-in asks anew where the primary is.
    """
    new_connections("on")
    with pytest.raises(DatabaseUnavailable) as refused:
        sign_in()
    assert refused.value.evidence() == {"reason": "ReadOnlySqlTransaction 25006"}
    new_connections("off")
    assert sign_in().outcome == "created"


def test_connections_that_died_are_replaced_unnoticed(engine: Engine, sign_in: Callable[..., OpenedSession]) -> None:
    """Where the server dropped every connection (a restart, a firewall), the next sign-in opens a new one and succeeds."""
    sign_in()
    other = open_engine(engine.url.render_as_string(hide_password=False))
    with other.connect() as connection:
        dropped = connection.execute(
            text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'cell' AND pid <> pg_backend_pid()")
        ).all()
    other.dispose()
    assert dropped
    assert sign_in().outcome == "known"


def test_tables_of_somebody_else_are_trouble_with_a_reason(engine: Engine) -> None:
    """A database user without rights is told as such, for the operator, and not as a mistake of ours."""
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE ROLE stranger")
        connection.exec_driver_sql("SET LOCAL ROLE stranger")
        with pytest.raises(DatabaseUnavailable) as refused, trouble_is_told():
            connection.execute(accounts.select())
        assert refused.value.evidence() == {"reason": "the user of database_url may not use the tables"}
        connection.rollback()


def test_a_full_pool_is_refused_soon(database_url: str) -> None:
    """Who finds every connection of the process in use waits seconds, not half a minute, and is told so."""
    engine = open_engine(database_url)
    assert engine.pool.timeout() == 5  # type: ignore[attr-defined]
    engine.pool._timeout = 0.01  # type: ignore[attr-defined]  # noqa: SLF001
    held = [engine.connect() for _ in range(15)]
    began = time.monotonic()
    with pytest.raises(DatabaseUnavailable) as refused, reading(engine):
        pass
    assert refused.value.evidence() == {"reason": "all connections of this process are in use"}
    assert time.monotonic() - began < 5
    for connection in held:
        connection.close()
    engine.dispose()
