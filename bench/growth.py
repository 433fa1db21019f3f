"""What a sign-in costs in a large organization, against the same in a small one: PostgreSQL, both in one server, taking turns.

The law: the two differ in their rows alone, people are drawn at random from all of them, and no disk is waited for, since that
would hide the difference.
"""

import hashlib
import itertools
import random
import secrets
import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection, create_engine, make_url, text

from bridge.accounts.database import open_engine, upgrade
from bridge.accounts.policy import OrgPolicy
from bridge.accounts.store import AccountStore
from bridge.harness.postgres import Postgres
from bridge.identity import Email, EmailEvidence, ExternalIdentity, IdentityKey
from bridge.sections import OrgConfig

SMALL = 10_000
LARGE = 10_000_000
QUICK = 1_000_000
ROUNDS = 60
CALLS_A_TURN = 10
SETTINGS = ("fsync = off", "full_page_writes = off", "max_wal_size = '8GB'", "maintenance_work_mem = '512MB'")
NOW = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
ORG = OrgConfig(id=42, path="acme", name="Acme", signup="open", providers=("github",), link_by_email=("github",))
# Person number n; a tenth of them have a session and have spent a handoff. The names are scattered over the indexes.
NAME = "to_hex((n * 2654435761) % 4294967296)"
ROWS = {
    "accounts": "(id, org_id, email, email_folded, email_confirmed, username, username_folded, name, state, attributes, "
    "created_at) SELECT n, 42, NAME || '@acme.example', NAME || '@acme.example', true, NAME, NAME, 'Person ' || n, 'active', "
    '\'{"role": "member"}\', now() FROM generate_series(1, :people) AS n',
    "identities": "(id, org_id, account_id, provider, extern_uid, created_at) "
    "SELECT n, 42, n, 'github', NAME, now() FROM generate_series(1, :people) AS n",
    "sessions": "(id, org_id, account_id, token_sha256, provider, created_at, last_seen_at, expires_at) "
    "SELECT n, 42, n, encode(sha256(('cell-2-' || n)::bytea), 'hex'), 'github', now(), timestamptz '2026-03-01 12:00Z', "
    "timestamptz '2026-03-02 12:00Z' FROM generate_series(1, :people / 10) AS n",
    "spent_handoffs": "(id, issuer, handoff_id, org_id, spent_until) SELECT n, 'i', '_' || md5(n::text), 42, now() "
    "FROM generate_series(1, :people / 10) AS n",
    "audit_events": "(id, at, org_id, account_id, actor, event, provider) "
    "SELECT n, now(), 42, n, 'person', 'sign_in', 'github' FROM generate_series(1, :people) AS n",
}


class Cell:
    """A cell with *people* accounts, and the three things that are timed in it."""

    def __init__(self, url: str, people: int) -> None:
        self._people = people
        self._engine = open_engine(url)
        upgrade(self._engine)
        _fill(url, people)
        self._store = AccountStore(
            self._engine, session_prefix="cell-2", idle=DAY, absolute=DAY, random_bytes=secrets.token_bytes
        )
        self._policy = OrgPolicy.from_config(ORG)
        self._new = (f"new{number}" for number in itertools.count(1))

    def sign_in(self) -> None:
        """Sign somebody in who is known by the identity."""
        number = random.randint(1, self._people)  # noqa: S311 - a benchmark's dice
        opened = self._opened(f"{(number * 2654435761) % 4294967296:x}")
        assert opened == "known", opened

    def first_sign_in(self) -> None:
        """Sign somebody in whom nobody knows: an account, an identity and a session are made."""
        opened = self._opened(next(self._new))
        assert opened == "created", opened

    def session(self) -> None:
        """Find a session."""
        token = f"cell-2-{random.randint(1, self._people // 10)}"  # noqa: S311
        assert self._store.session(token, org_id=42, now=NOW) is not None

    def close(self) -> None:
        """Close the connections."""
        self._engine.dispose()

    def _opened(self, uid: str) -> str:
        identity = ExternalIdentity(
            key=IdentityKey("github", uid),
            email=Email(f"{uid}@acme.example"),
            evidence=EmailEvidence(verified=True, rule="github.primary_verified"),
            username=uid,
        )
        return self._store.sign_in(
            identity=identity,
            issuer="i",
            handoff_id=f"_{hashlib.sha256(secrets.token_bytes(16)).hexdigest()}",
            spent_until=NOW + DAY,
            session_ends=NOW + DAY,
            reference="7KQ2M-4XD9R",
            policy=self._policy,
            now=NOW,
            previous_token=None,
        ).outcome


def run() -> dict[str, float]:
    """Compare ten thousand accounts with a million, which takes a minute."""
    return compare(QUICK)


def run_whole() -> dict[str, float]:
    """Compare ten thousand accounts with ten million, which takes minutes and some 10 GB of disk."""
    return compare(LARGE)


def compare(large_people: int) -> dict[str, float]:
    """Print and return how many times more each thing costs among *large_people* than among `SMALL`."""
    with Postgres(*SETTINGS) as server:
        began = time.monotonic()
        small = Cell(server.create("small"), SMALL)
        large = Cell(server.create("large"), large_people)
        print(f"growth: {SMALL} and {large_people} accounts, made in {time.monotonic() - began:.0f} s")
        ratios = {}
        for name in ("sign_in", "first_sign_in", "session"):
            here, there = _medians(getattr(small, name), getattr(large, name))
            print(f"  {name:16}{here * 1e3:8.2f} ms {there * 1e3:8.2f} ms")
            ratios["growth_ratio" if name == "sign_in" else f"growth_ratio_{name}"] = there / here
        small.close()
        large.close()
    return ratios


def _medians(small: Callable[[], None], large: Callable[[], None]) -> tuple[float, float]:
    """Return the median seconds of one call of each. The server works in processes of its own, so the clock is the wall's."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for round_number in range(ROUNDS + 5):
        for call, found in ((small, seconds[0]), (large, seconds[1])):
            for _ in range(CALLS_A_TURN):
                began = time.perf_counter()
                call()
                if round_number >= 5:  # the first rounds warm plans and caches
                    found.append(time.perf_counter() - began)
    return statistics.median(seconds[0]), statistics.median(seconds[1])


def _fill(url: str, people: int) -> None:
    """Write the rows without indexes and constraints, and put these back: so they are sorted once, not kept up row by row."""
    engine = create_engine(make_url(url).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        put_back = _strip(connection)
        for table, rows in ROWS.items():
            connection.execute(text(f"INSERT INTO {table} {rows.replace('NAME', NAME)}"), {"people": people})
            connection.execute(text(f"SELECT setval('{table}_id_seq', 1000000000)"))
        for statement in put_back:
            connection.exec_driver_sql(statement)
        connection.exec_driver_sql("VACUUM ANALYZE")
        connection.exec_driver_sql("CHECKPOINT")
    engine.dispose()


def _strip(connection: Connection) -> list[str]:
    """Drop every index and constraint; return the statements that make them again, foreign keys last."""
    ours = {"tables": list(ROWS)}
    constraints = connection.execute(
        text(
            "SELECT conrelid::regclass::text AS owner, conname, pg_get_constraintdef(oid) AS made FROM pg_constraint "
            "WHERE conrelid::regclass::text = ANY(:tables) AND contype IN ('p', 'u', 'f') ORDER BY contype = 'f', contype"
        ),
        ours,
    ).all()
    for row in reversed(constraints):
        connection.exec_driver_sql(f"ALTER TABLE {row.owner} DROP CONSTRAINT {row.conname}")
    wanted = text("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = ANY(:tables)")
    indexes = connection.execute(wanted, ours).all()
    for row in indexes:
        connection.exec_driver_sql(f"DROP INDEX {row.indexname}")
    return [row.indexdef for row in indexes] + [
        f"ALTER TABLE {row.owner} ADD CONSTRAINT {row.conname} {row.made}" for row in constraints
    ]
