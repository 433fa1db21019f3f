"""What a broken database looks like from above: one refusal, with a reason that is safe to log.

The law: only the database's own trouble is told as such; a mistake of ours, and what the work refused, come out as they are.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DatabaseError, DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolExhausted

from bridge.errors import DatabaseUnavailable

_TABLES_MISSING = ("42P01", "42703")  # PostgreSQL: undefined table, undefined column
_NOT_ALLOWED = "42501"  # PostgreSQL: insufficient privilege
_NO_TABLES = "tables are missing or old; run cellbridge db upgrade"


@contextmanager
def trouble_is_told() -> Iterator[None]:
    """Raise `DatabaseUnavailable` in place of what the database raises when it cannot be reached, is busy or has no tables."""
    try:
        yield
    except PoolExhausted as error:
        raise DatabaseUnavailable(reason="all connections of this process are in use") from error
    except DBAPIError as error:
        reason = _trouble(error)
        if reason is None:
            raise
        raise DatabaseUnavailable(reason=reason) from error


def _trouble(error: DBAPIError) -> str | None:
    """Return the driver's class and code, never its text: it may hold addresses and passwords. None for our own mistakes."""
    driver = error.orig
    code = getattr(driver, "sqlstate", None) or getattr(driver, "sqlite_errorname", None)
    if code in _TABLES_MISSING or (isinstance(driver, sqlite3.OperationalError) and code == "SQLITE_ERROR"):
        return _NO_TABLES
    if code == _NOT_ALLOWED:
        return "the user of database_url may not use the tables"
    broken_file = type(error) is DatabaseError  # SQLite's word for a file that is damaged, or no database
    if not (isinstance(error, OperationalError | InterfaceError) or broken_file or error.connection_invalidated):
        return None
    return type(driver).__name__ + (f" {code}" if code else "")
