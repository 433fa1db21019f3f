"""Databases of both kinds, each test with one of its own, and processes that can be raced and killed."""

import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, Table, create_engine, event, func, make_url, select

from bridge.accounts.database import open_engine, reading, upgrade
from bridge.accounts.policy import OrgPolicy
from bridge.accounts.records import OpenedSession
from bridge.accounts.store import AccountStore
from bridge.accounts.tables import metadata
from bridge.harness.postgres import Postgres
from bridge.identity import NO_EVIDENCE, Email, EmailEvidence, ExternalIdentity, IdentityKey

IDLE = timedelta(hours=1)
ABSOLUTE = timedelta(hours=8)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite file, to be copied."""
    path = tmp_path_factory.mktemp("sqlite") / "template.db"
    engine = open_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """A real PostgreSQL with one migrated database, `cell`, which is emptied before each test."""
    with Postgres("fsync = off") as server:  # no test cuts the power
        engine = open_engine(server.create("cell"))
        upgrade(engine)
        engine.dispose()
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """Every test that touches a database runs once on each kind."""
    return str(request.param)


@pytest.fixture
def database_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A migrated database without any row."""
    if backend == "sqlite":
        shutil.copy(request.getfixturevalue("sqlite_template"), tmp_path / "cell.db")
        return f"sqlite:///{tmp_path / 'cell.db'}"
    server: Postgres = request.getfixturevalue("postgres")
    url = server.url("cell")
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"))
    with engine.begin() as connection:
        connection.exec_driver_sql(f"TRUNCATE {', '.join(metadata.tables)} RESTART IDENTITY")
    engine.dispose()
    return url


@pytest.fixture
def bare_database_url(backend: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """A database without any table."""
    if backend == "sqlite":
        yield f"sqlite:///{tmp_path / 'bare.db'}"
        return
    server: Postgres = request.getfixturevalue("postgres")
    yield server.create("bare")
    server.drop("bare")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An engine on the test's database."""
    engine = open_engine(database_url)
    yield engine
    engine.dispose()


@pytest.fixture
def impatient_engine(database_url: str) -> Iterator[Engine]:
    """Another engine on the test's database, which waits for a lock for a moment only."""
    engine = open_engine(database_url)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA busy_timeout = 20"))
    else:
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("SET LOCAL lock_timeout = '20ms'"))
    yield engine
    engine.dispose()


@pytest.fixture
def store(engine: Engine) -> AccountStore:
    """A store as a cell builds it."""
    return AccountStore(engine, session_prefix="cell-2", idle=IDLE, absolute=ABSOLUTE, random_bytes=os.urandom)


@pytest.fixture
def now() -> datetime:
    """The moment at which every test happens."""
    return datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def identity() -> Callable[..., ExternalIdentity]:
    """Builds what a provider said: a verified person by default."""

    def build(
        *,
        provider: str = "google_oauth2",
        uid: str = "100200300",
        email: str | None = "ann@acme.example",
        verified: bool = True,
        name: str | None = "Ann Example",
        username: str | None = None,
    ) -> ExternalIdentity:
        return ExternalIdentity(
            key=IdentityKey(provider, uid),
            email=None if email is None else Email(email),
            evidence=EmailEvidence(verified=True, rule="test.verified") if verified and email else NO_EVIDENCE,
            name=name,
            username=username,
        )

    return build


@pytest.fixture
def policy() -> Callable[..., OrgPolicy]:
    """Builds the policy of Acme: open, linking by google's emails."""

    def build(**changes: Any) -> OrgPolicy:
        fields: dict[str, Any] = {
            "org_id": 42,
            "org_path": "acme",
            "org_name": "Acme",
            "signup": "open",
            "signup_by_provider": {},
            "read_only": False,
            "link_by_email": frozenset({"google_oauth2"}),
            "providers": frozenset({"google_oauth2", "github"}),
            "disabled_providers": frozenset(),
            "external_providers": frozenset(),
            "signup_without_email": frozenset(),
            "sync_profile_from": frozenset(),
            "sync_profile_attributes": frozenset({"email"}),
            "new_account": {"role": "member", "base_path": "/acme"},
        }
        return OrgPolicy(**{**fields, **changes})

    return build


@pytest.fixture
def arrival(
    now: datetime, identity: Callable[..., ExternalIdentity], policy: Callable[..., OrgPolicy]
) -> Callable[..., dict[str, Any]]:
    """Builds what a sign-in of Ann to Acme is told, with a fresh handoff; keywords change it."""
    numbers = itertools.count(1)

    def build(**changes: Any) -> dict[str, Any]:
        fields: dict[str, Any] = {
            "identity": identity(),
            "issuer": "https://cells.example/saml/metadata",
            "handoff_id": f"_{next(numbers):032x}",
            "spent_until": now + timedelta(seconds=90),
            "session_ends": now + timedelta(hours=24),
            "reference": "7KQ2M-4XD9R",
            "policy": policy(),
            "now": now,
            "previous_token": None,
        }
        return {**fields, **changes}

    return build


@pytest.fixture
def sign_in(store: AccountStore, arrival: Callable[..., dict[str, Any]]) -> Callable[..., OpenedSession]:
    """Signs Ann in to Acme with a fresh handoff; keywords change what is said."""

    def run(**changes: Any) -> OpenedSession:
        return store.sign_in(**arrival(**changes))

    return run


@pytest.fixture
def rows(engine: Engine) -> Callable[[Table], list[Any]]:
    """Reads a whole table, in the order it was written."""

    def read(table: Table) -> list[Any]:
        with reading(engine) as connection:
            return list(connection.execute(select(table).order_by(table.c.id)))

    return read


@pytest.fixture
def counts(engine: Engine) -> Callable[[], dict[str, int]]:
    """Counts the rows of every table that has any."""

    def count() -> dict[str, int]:
        with reading(engine) as connection:
            found = {table.name: connection.scalar(select(func.count()).select_from(table)) for table in metadata.sorted_tables}
        return {name: number for name, number in found.items() if number}

    return count


class Child:
    """A process of its own that works on a database; it speaks one JSON object a line."""

    def __init__(self, address: str) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(address)
        self._lines = self._socket.makefile("rw", encoding="utf-8")
        self.pid: int = self.hear()["pid"]

    def tell(self, **message: Any) -> None:
        """Send one message."""
        self._lines.write(json.dumps(message) + "\n")
        self._lines.flush()

    def hear(self) -> dict[str, Any]:
        """Wait for one message."""
        message: dict[str, Any] = json.loads(self._lines.readline())
        return message

    def kill(self) -> None:
        """End the process with SIGKILL and wait until it is gone: then its end of the socket is closed."""
        os.kill(self.pid, signal.SIGKILL)
        while self._lines.readline():
            pass

    def close(self) -> None:
        """Let the process end by itself."""
        self._lines.close()
        self._socket.close()


@pytest.fixture(scope="session")
def fork_server() -> Iterator[str]:
    """A process that has everything imported and forks a child for each connection; its address."""
    with tempfile.TemporaryDirectory(prefix="cb-fork-") as directory:
        address = str(Path(directory) / "socket")
        script = Path(__file__).with_name("store_process.py")
        with subprocess.Popen([sys.executable, str(script), address], stdout=subprocess.PIPE, text=True) as server:
            assert server.stdout is not None
            assert server.stdout.readline() == "ready\n"
            yield address
            server.terminate()


@pytest.fixture
def child(fork_server: str) -> Iterator[Callable[[], Child]]:
    """Starts processes that end with the test."""
    started: list[Child] = []

    def start() -> Child:
        started.append(Child(fork_server))
        return started[-1]

    yield start
    for one in started:
        one.close()
