"""The clock of the machine, for the composition roots; everything else is given the time.

The law: times are aware and in UTC.
"""

from datetime import UTC, datetime


def utc_now() -> datetime:
    """Return the time of this machine, aware, UTC."""
    return datetime.now(UTC)
