"""Tables go forward only: rows survive every step, the release before goes on working, and nobody goes back."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from alembic import command
from alembic.config import Config
from click.testing import CliRunner
from sqlalchemy import Engine, MetaData, inspect, select

from bridge.accounts.database import at_head, current, is_newer, migrations, open_engine, serves, upgrade
from bridge.accounts.policy import OrgPolicy
from bridge.accounts.store import AccountStore
from bridge.cli import main
from bridge.errors import DatabaseNotReady, HandoffReplayed
from bridge.identity import Email, EmailEvidence, ExternalIdentity, IdentityKey

NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
# A token and what its row holds; the rows below are as the first release wrote them.
TOKEN = "cell-2-" + "a" * 43
TOKEN_SHA256 = "79a7aceb7aaf5031e91a026c13185af6475ae8a03a782588c71cc068a2bd0fc4"
ACCOUNT: dict[str, Any] = {"org_id": 42, "email_confirmed": True, "state": "active", "attributes": {"role": "member"}}
FIRST_ROWS: dict[str, list[dict[str, Any]]] = {
    "accounts": [
        {**ACCOUNT, "id": 1, "email": "Ann@acme.example", "email_folded": "ann@acme.example"}
        | {"username": "Ann", "username_folded": "ann", "name": "Ann Example \u4e2d", "created_at": NOW},
        {**ACCOUNT, "id": 2, "email": "bob@acme.example", "email_folded": "bob@acme.example"}
        | {"username": "bob", "username_folded": "bob", "name": "Bob", "state": "blocked", "created_at": NOW},
    ],
    "identities": [
        {"id": 7, "org_id": 42, "account_id": 1, "provider": "google_oauth2", "extern_uid": "100", "created_at": NOW},
        {"id": 8, "org_id": 42, "account_id": 2, "provider": "github", "extern_uid": "200", "created_at": NOW},
    ],
    "sessions": [
        {"id": 3, "org_id": 42, "account_id": 1, "token_sha256": TOKEN_SHA256, "provider": "google_oauth2"}
        | {"created_at": NOW, "last_seen_at": NOW, "expires_at": NOW + DAY}
    ],
    "spent_handoffs": [{"id": 5, "issuer": "i", "handoff_id": "_1", "org_id": 42, "spent_until": NOW + DAY}],
    "audit_events": [
        {"id": 9, "at": NOW, "org_id": 42, "account_id": 1, "actor": "person", "event": "create", "rule": 6},
        {"id": 10, "at": NOW, "org_id": 42, "account_id": 1, "actor": "person", "event": "sign_in", "rule": 2},
    ],
}


def alembic(engine: Engine, revision: str) -> None:
    """Bring an empty database to *revision*, as the release of that day did."""
    config = Config()
    config.set_main_option("script_location", "bridge.accounts:migrations")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)


def tables_of(engine: Engine) -> MetaData:
    """Return the tables as the database has them."""
    found = MetaData()
    found.reflect(engine)
    return found


@pytest.fixture
def old(bare_database_url: str) -> Iterator[Engine]:
    """A database of the first release, with people in it."""
    engine = open_engine(bare_database_url)
    alembic(engine, migrations()[0])
    tables = tables_of(engine).tables
    with engine.begin() as connection:
        for name, rows in FIRST_ROWS.items():
            connection.execute(tables[name].insert(), rows)
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT setval('{name}_id_seq', 1000)")
    yield engine
    engine.dispose()


def store_on(engine: Engine) -> AccountStore:
    """Return a store as a cell builds it."""
    return AccountStore(engine, session_prefix="cell-2", idle=DAY, absolute=DAY, random_bytes=os.urandom)


def sign_in(store: AccountStore, policy: OrgPolicy, *, uid: str, handoff_id: str, issuer: str = "i") -> Any:
    """Sign the person with *uid* in."""
    identity = ExternalIdentity(
        key=IdentityKey("google_oauth2", uid),
        email=Email(f"{uid}@acme.example"),
        evidence=EmailEvidence(verified=True, rule="test.verified"),
    )
    return store.sign_in(
        identity=identity,
        issuer=issuer,
        handoff_id=handoff_id,
        spent_until=NOW + DAY,
        session_ends=NOW + DAY,
        reference="7KQ2M-4XD9R",
        policy=policy,
        now=NOW,
        previous_token=None,
    )


def test_an_upgrade_from_the_first_release_keeps_everybody(old: Engine, policy: Any) -> None:
    """Every row is there afterwards as it was, under its number; sessions live, spent handoffs stay spent, people sign in."""
    upgrade(old)
    assert at_head(old)
    tables = tables_of(old).tables
    with old.connect() as connection:
        for name, rows in FIRST_ROWS.items():
            found = connection.execute(select(tables[name]).order_by(tables[name].c.id)).mappings().all()
            kept = [{key: row[key] for key in wanted} for row, wanted in zip(found, rows, strict=True)]
            assert [{key: _utc(value) for key, value in row.items()} for row in kept] == rows, name
    store = store_on(old)
    store.check_ready()
    alive = store.session(TOKEN, org_id=42, now=NOW)
    assert alive is not None
    assert (alive.account.id, alive.account.name, alive.account.state) == (1, "Ann Example \u4e2d", "active")
    with pytest.raises(HandoffReplayed):
        sign_in(store, policy(), uid="100", handoff_id="_1")
    opened = sign_in(store, policy(), uid="100", handoff_id="_2")
    assert (opened.outcome, opened.account.id) == ("known", 1)
    assert sign_in(store, policy(), uid="new", handoff_id="_3").outcome == "created"


def _utc(value: Any) -> Any:
    """SQLite keeps times as text in UTC without an offset."""
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) and value.tzinfo is None else value


@pytest.mark.parametrize(("before", "after"), list(zip(migrations(), migrations()[1:], strict=False)))
def test_a_migration_only_adds(before: str, after: str, bare_database_url: str) -> None:
    """The release before goes on working on the newer tables while replicas are replaced.

    All that it knows is still there and unchanged, and what is new wants nothing of it.
    """
    engine = open_engine(bare_database_url)
    alembic(engine, before)
    old = tables_of(engine)
    alembic(engine, after)
    new = tables_of(engine)
    for table in old.tables.values():
        columns = new.tables[table.name].columns
        for column in table.columns:
            kept = columns[column.name]
            assert (str(kept.type), kept.nullable) == (str(column.type), column.nullable)
        for column in columns:
            assert column.name in table.columns or column.nullable or column.server_default is not None, column
        kept_names = {one["name"] for one in inspect(engine).get_unique_constraints(table.name)}
        old_names = {constraint.name for constraint in table.constraints if type(constraint).__name__ == "UniqueConstraint"}
        assert kept_names == old_names, "a new constraint could refuse what the release before writes"
    engine.dispose()


def test_a_newer_database_serves_but_is_not_brought_back(bare_database_url: str, tmp_path: Path) -> None:
    """A cell goes on while a newer release is rolled out; its own `db upgrade` and `db current` say what the database is."""
    engine = open_engine(bare_database_url)
    upgrade(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert (is_newer("9999"), serves(engine), at_head(engine)) == (True, True, False)
    store_on(engine).check_ready()
    with pytest.raises(DatabaseNotReady, match="newer than this version of cellbridge; install that one"):
        upgrade(engine)
    said = run(tmp_path, "current", bare_database_url)
    assert (said.exit_code, said.stdout) == (1, "9999\n")
    assert "newer than this version" in said.stderr
    engine.dispose()


@pytest.mark.parametrize("stands_at", [None, migrations()[0], migrations()[-1]])
def test_a_downgrade_is_refused_with_a_sentence(stands_at: str | None, bare_database_url: str, tmp_path: Path) -> None:
    """The command says why, and what to do instead; the tables stay where they are."""
    engine = open_engine(bare_database_url)
    if stands_at:
        alembic(engine, stands_at)
    said = run(tmp_path, "downgrade", bare_database_url)
    assert (said.exit_code, said.stdout, said.stderr.count("\n")) == (1, "", 1)
    assert said.stderr.startswith(f"cellbridge: the tables stay at {stands_at or 'no migration'}: there is no way down")
    assert "backup" in said.stderr
    assert current(engine) == stands_at
    engine.dispose()


def run(folder: Path, name: str, url: str) -> Any:
    """Run a command of `cellbridge db` on a cell whose database is at *url*."""
    path = folder / "sp.toml"
    path.write_text(
        f'[service]\npublic_url = "https://cells.example"\ndatabase_url = "{url}"\nsecret_files = ["seal.key"]\n'
        '[cell]\nid = 2\nsession_prefix = "cell-2"\n[topology]\nfile = "directory.toml"\n'
        '[[trust]]\nentity_id = "https://cells.example/saml/metadata"\ncertificates = ["legacy.crt"]\n'
        '[[org]]\nid = 42\npath = "acme"\nname = "Acme"\nproviders = ["github"]\n',
        "utf-8",
    )
    return CliRunner().invoke(main, ["db", name, "--config", str(path)])
