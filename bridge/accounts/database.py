"""Opening a cell's database, SQLite or PostgreSQL, and bringing it to the newest migration.

The law: a writing transaction takes its lock at the start and waits a bounded time; several processes may upgrade at once, one
does the work and the others find it done.
"""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, ExceptionContext, create_engine, event, make_url

from bridge.accounts.trouble import trouble_is_told
from bridge.errors import DatabaseNotReady

BUSY_SECONDS = 5
_WAL_TRIES = 250
_READS_ONLY = "cellbridge_reads_only"
NEWER = "the database is newer than this version of cellbridge; install that one"
_UPGRADE_LOCK = 0x63656C6C  # any number, the same in every process
_POSTGRES_OPTIONS = (
    f"-c lock_timeout={BUSY_SECONDS}s -c statement_timeout={3 * BUSY_SECONDS}s"
    f" -c idle_in_transaction_session_timeout={3 * BUSY_SECONDS}s"
)
# A server that vanishes without a word, with its machine or its network, is given up after about fifteen seconds.
_POSTGRES_PATIENCE = {
    "connect_timeout": BUSY_SECONDS,
    "tcp_user_timeout": 3000 * BUSY_SECONDS,  # milliseconds
    "keepalives_idle": BUSY_SECONDS,
    "keepalives_interval": BUSY_SECONDS,
    "keepalives_count": 2,
}
_STANDBY = "25006"  # read-only transaction: what was the primary server is one no more


def open_engine(url: str) -> Engine:
    """Return an engine for `sqlite:///FILE` or `postgresql://...` (psycopg 3); nothing is connected yet.

    Open it after a fork, never before. Values stay out of error texts: they are addresses and uids.
    Raises `ValueError` for another database.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() == "postgresql":
        return _open_postgres(parsed)
    if parsed.get_backend_name() != "sqlite":
        raise ValueError("the database must be SQLite or PostgreSQL")
    engine = create_engine(parsed, hide_parameters=True, connect_args={"timeout": BUSY_SECONDS})
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Give a connection for reading alone, which sees one moment; it waits for no writer. Raises `DatabaseUnavailable`.

    PostgreSQL refuses whatever writes or locks on it.
    """
    options: dict[str, Any] = {_READS_ONLY: True} if engine.dialect.name == "sqlite" else {"postgresql_readonly": True}
    with trouble_is_told(), engine.connect().execution_options(**options) as connection:
        yield connection


def upgrade(engine: Engine) -> None:
    """Bring the database to the newest migration, in one transaction; does nothing where it is there already.

    Raises `DatabaseNotReady` if a newer version of the product made the database.
    """
    with engine.begin() as connection:  # on SQLite this is BEGIN IMMEDIATE, which is the lock
        if connection.dialect.name == "postgresql":
            # Each statement has to see what others committed while this process waited for the lock.
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")  # an index on a large table takes its time
            connection.exec_driver_sql("SET LOCAL lock_timeout = '60s'")
            connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_UPGRADE_LOCK})")
            # Behind a change of a table that waits for a lock, everybody waits: better to fail, and be tried again.
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{BUSY_SECONDS}s'")
        config = _alembic()
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise DatabaseNotReady(reason=NEWER) from error


def current(engine: Engine) -> str | None:
    """Return the migration that the database stands at, or None where it is empty."""
    with reading(engine) as connection:
        return MigrationContext.configure(connection).get_current_revision()


def at_head(engine: Engine) -> bool:
    """Whether the database stands at the newest migration of this version of the product."""
    return current(engine) == migrations()[-1]


def serves(engine: Engine) -> bool:
    """Whether the database has what this version of the product uses: it is at its newest migration, or a later version's."""
    found = current(engine)
    return found == migrations()[-1] or is_newer(found)


def is_newer(revision: str | None) -> bool:
    """Whether *revision* is of a later version of the product than this one."""
    return revision is not None and revision not in migrations()


@cache
def migrations() -> tuple[str, ...]:
    """Return every migration that this version of the product knows, oldest first."""
    scripts = ScriptDirectory.from_config(_alembic())
    return tuple(script.revision for script in scripts.walk_revisions())[::-1]


def _alembic() -> Config:
    config = Config()
    config.set_main_option("script_location", "bridge.accounts:migrations")
    return config


def _open_postgres(url: URL) -> Engine:
    """The URL's own connection parameters win; its `options` come after ours, and so win too."""
    patience = {name: value for name, value in _POSTGRES_PATIENCE.items() if name not in url.query}
    options = f"{_POSTGRES_OPTIONS} {_one(url.query.get('options', ''))}".strip()
    engine = create_engine(
        url.set(drivername="postgresql+psycopg"),
        hide_parameters=True,
        pool_pre_ping=True,
        pool_timeout=BUSY_SECONDS,
        # Every look-up of a sign-in sees one moment: otherwise a person could be found by email, but not yet by the
        # identity that another process links meanwhile, and be refused as a conflict with themselves.
        isolation_level="REPEATABLE READ",
        connect_args={**patience, "options": options},
    )
    event.listen(engine, "handle_error", _on_postgres_error)
    return engine


def _one(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else " ".join(value)


def _on_postgres_error(context: ExceptionContext) -> None:
    """Drop the pool of a server that became a standby, and what PostgreSQL says beyond its first line.

    It says `Key (email)=(ann@...) already exists` there, which logs must not hold.
    """
    original, wrapped = context.original_exception, context.sqlalchemy_exception
    if getattr(original, "sqlstate", None) == _STANDBY:
        context.is_disconnect = True
    if isinstance(original, psycopg.Error) and wrapped is not None:
        first_line = original.diag.message_primary or str(original).partition("\n")[0]
        original.args = (first_line,)
        wrapped.args = (f"({type(original).__name__}) {first_line}",)


def _prepare_sqlite(connection: sqlite3.Connection, record: object) -> None:  # noqa: ARG001
    connection.isolation_level = None  # transactions begin where we say so, and DDL stays inside them
    connection.execute("PRAGMA foreign_keys = ON")
    _use_write_ahead_log(connection)


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch the file to WAL once. Two processes that switch a new file together get SQLITE_BUSY without any waiting."""
    for attempt in range(_WAL_TRIES):
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if attempt == _WAL_TRIES - 1 or error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
                raise
            time.sleep(BUSY_SECONDS / _WAL_TRIES)
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    options: dict[str, Any] = dict(connection.get_execution_options())
    connection.exec_driver_sql("BEGIN" if options.get(_READS_ONLY) else "BEGIN IMMEDIATE")
