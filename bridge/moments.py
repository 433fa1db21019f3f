"""A moment on the command line.

The law: what has no offset is UTC, and what comes out is aware and in UTC.
"""

from datetime import UTC, datetime

import click


class UtcTime(click.ParamType[datetime]):
    """A moment such as `2026-11-23T08:15:00Z` (RFC 3339)."""

    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """Return the aware time, UTC."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(str(value))
        except ValueError:
            self.fail(f"{value!r} is not a time such as 2026-11-23T08:15:00Z", param, ctx)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
