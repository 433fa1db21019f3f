"""One unit of work, whole or not at all.

The law: work is tried again only when the database says that somebody else was in the way, from the start, a bounded number of
times and for a bounded time; so the work must do nothing outside its connection.
"""

import sqlite3
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError, OperationalError

from bridge.accounts.trouble import trouble_is_told

ATTEMPTS = 4
PATIENCE_SECONDS = 4  # nobody who waited for a lock as long as the database lets them waits a second time
_SQLITE_IN_THE_WAY = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_POSTGRES_IN_THE_WAY = ("40001", "40P01", "55P03")  # serialization failure, deadlock, lock timeout

T = TypeVar("T")


def transact(engine: Engine, work: Callable[[Connection], T]) -> T:
    """Return what *work* returns, committed; whatever it raises rolls everything back.

    A violated constraint counts as somebody in the way: two first sign-ins of one person both try to create the account, and
    the second one finds it there on its next try. Raises `DatabaseUnavailable`, or what *work* raised in the last attempt.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    with trouble_is_told():
        for _ in range(ATTEMPTS - 1):
            try:
                with engine.begin() as connection:
                    return work(connection)
            except (IntegrityError, OperationalError) as error:
                if not somebody_in_the_way(error) or time.monotonic() > deadline:
                    raise
        with engine.begin() as connection:
            return work(connection)


def see_latest(connection: Connection) -> None:
    """Let each further statement see what is committed by then; the first of a transaction that locks and then looks.

    PostgreSQL otherwise shows one moment, and takes it before it waits for the first lock: a session that the lock's holder
    opened meanwhile would stay unseen, and outlive the block that waited for it.
    """
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED")


def somebody_in_the_way(error: DBAPIError) -> bool:
    """Whether trying again may help: a constraint, a lock or a serialization failure, as opposed to a lost database."""
    if isinstance(error, IntegrityError):
        return True
    if isinstance(error.orig, sqlite3.Error):
        return getattr(error.orig, "sqlite_errorcode", 0) & 0xFF in _SQLITE_IN_THE_WAY
    return getattr(error.orig, "sqlstate", None) in _POSTGRES_IN_THE_WAY
