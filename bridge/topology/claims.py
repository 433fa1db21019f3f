"""Claims: which organization holds an identity or an address that the directory file does not list.

The law: one holder for each claim, decided by the table's primary key, so that any number of worker processes may race; only
the holder releases.
"""

from sqlalchemy import BigInteger, Column, Engine, MetaData, String, Table, create_engine, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError, OperationalError, ProgrammingError
from sqlalchemy.schema import CreateTable

from bridge.accounts.unusable import in_a_sentence
from bridge.identity import Email
from bridge.topology.directory import ClaimHeld, Subject

WAIT_SECONDS = 2  # for a connection, a lock or an answer: the clients wait no longer either

_METADATA = MetaData()
_CLAIMS = Table(
    "claims",
    _METADATA,
    Column("kind", String(16), primary_key=True),
    Column("value", String(400), primary_key=True),
    Column("org_id", BigInteger, nullable=False),
)


def open_claims(url: str) -> "ClaimStore":
    """Return the claims in the SQLite or PostgreSQL database at *url*, its table created if missing."""
    wait: dict[str, object] = {"timeout": WAIT_SECONDS}
    if not url.startswith("sqlite"):
        wait = {"connect_timeout": WAIT_SECONDS, "options": f"-c statement_timeout={WAIT_SECONDS}s"}
    engine = create_engine(url, connect_args=wait, pool_pre_ping=True, hide_parameters=True)
    _create_table(engine)
    return ClaimStore(engine)


def require_claims(url: str) -> None:
    """Return if the claims at *url* can be opened, and leave nothing open; raises `DatabaseNotReady`."""
    with in_a_sentence(url):
        open_claims(url).close()


def _create_table(engine: Engine) -> None:
    statement = CreateTable(_CLAIMS, if_not_exists=True)
    try:
        with engine.begin() as connection:
            connection.execute(statement)
    except (IntegrityError, OperationalError, ProgrammingError):
        # PostgreSQL's IF NOT EXISTS still collides in its catalogue when two workers start together.
        with engine.begin() as connection:
            connection.execute(statement)


def _key(subject: Subject) -> dict[str, str]:
    if isinstance(subject, Email):
        return {"kind": "email", "value": subject.folded}
    # A provider's name holds no colon, so the first one ends it.
    return {"kind": "identity", "value": f"{subject.provider}:{subject.uid}"}


class ClaimStore:
    """The table of claims. Every method is one transaction and may raise `sqlalchemy.exc.SQLAlchemyError`."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._insert = postgresql.insert if engine.dialect.name == "postgresql" else sqlite.insert

    def holder(self, subject: Subject) -> int | None:
        """Return the id of the organization that holds *subject*."""
        with self._engine.connect() as connection:
            return connection.scalar(select(_CLAIMS.c.org_id).filter_by(**_key(subject)))

    def claim(self, subject: Subject, org_id: int) -> None:
        """Make *org_id* the holder of *subject*; again is the same as once. Raises `ClaimHeld`."""
        key = _key(subject)
        with self._engine.begin() as connection:
            connection.execute(self._insert(_CLAIMS).values(**key, org_id=org_id).on_conflict_do_nothing())
            if connection.scalar(select(_CLAIMS.c.org_id).filter_by(**key)) != org_id:
                raise ClaimHeld

    def release(self, subject: Subject, org_id: int) -> None:
        """Take back the claim of *org_id* on *subject*; a claim that nobody holds is no error. Raises `ClaimHeld`."""
        key = _key(subject)
        with self._engine.begin() as connection:
            gone = connection.execute(delete(_CLAIMS).filter_by(**key, org_id=org_id))
            if not gone.rowcount and connection.scalar(select(_CLAIMS.c.org_id).filter_by(**key)) is not None:
                raise ClaimHeld

    def ping(self) -> None:
        """Read once from the table."""
        with self._engine.connect() as connection:
            connection.execute(select(_CLAIMS.c.kind).limit(1))

    def close(self) -> None:
        """Close all connections."""
        self._engine.dispose()
