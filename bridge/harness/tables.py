"""The rows of a pair's SQLite databases, as they stand in the files.

The law: reads only, so that a test can say "nothing was written" and mean every table.
"""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

DATABASES = ("idp", "sp-2", "sp-3")
EFFECT_TABLES = ("accounts", "identities", "sessions", "spent_handoffs")
ALL_TABLES = (*EFFECT_TABLES, "audit_events")


@dataclass(frozen=True)
class Database:
    """Reads the tables of the cells of a pair, as they stand in their files."""

    directory: Path

    def rows(self, service: str, query: str, *values: object) -> list[tuple[object, ...]]:
        """Return the rows of *query* in the database of *service*."""
        connection = sqlite3.connect(f"file:{self.directory / service}.db?mode=ro", uri=True)
        try:
            return connection.execute(query, values).fetchall()
        finally:
            connection.close()

    def contents(self, tables: tuple[str, ...] = EFFECT_TABLES) -> dict[str, list[tuple[object, ...]]]:
        """Return every row of *tables* on every cell; `last_seen` of sessions is left out, since looking changes it."""
        found: dict[str, list[tuple[object, ...]]] = {}
        for service in DATABASES:
            for table in tables:
                columns = [
                    str(row[1]) for row in self.rows(service, f"PRAGMA table_info({table})") if "seen" not in str(row[1])
                ]
                found[f"{service}.{table}"] = self.rows(service, f"SELECT {', '.join(columns)} FROM {table} ORDER BY 1, 2")  # noqa: S608  our own names
        return found
