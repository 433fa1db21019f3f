"""The tables of a cell's database.

The law: what must be unique is a constraint, not a look-up, and an identity or session cannot point into another organization.
Migrations change the tables; a test holds this description and the migrated database equal.
"""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    Dialect,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    SmallInteger,
    String,
    Table,
    TypeDecorator,
    UniqueConstraint,
    false,
)

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)
BigId = BigInteger().with_variant(Integer, "sqlite")  # SQLite numbers rows by itself only in an INTEGER PRIMARY KEY


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time on both databases: `timestamptz` on PostgreSQL, text in UTC on SQLite."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse a naive time with `ValueError`: nobody knows what it means."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return the time as aware UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


accounts = Table(
    "accounts",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("org_id", BigInteger, nullable=False),
    Column("email", String, nullable=False),
    Column("email_folded", String, nullable=False),
    Column("email_confirmed", Boolean, nullable=False),
    Column("username", String, nullable=False),
    Column("username_folded", String, nullable=False),
    Column("name", String, nullable=False),
    Column("state", String, nullable=False),
    Column("external", Boolean, nullable=False, server_default=false()),
    Column("attributes", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("org_id", "email_folded"),
    UniqueConstraint("org_id", "username_folded"),
    UniqueConstraint("id", "org_id"),
    CheckConstraint("state IN ('active', 'blocked', 'pending')", name="state"),
    sqlite_autoincrement=True,
)

identities = Table(
    "identities",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("org_id", BigInteger, nullable=False),
    Column("account_id", BigInteger, nullable=False),
    Column("provider", String, nullable=False),
    Column("extern_uid", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    UniqueConstraint("org_id", "provider", "extern_uid"),
    # Rule 4 as a constraint: two first sign-ins at once with two uids of one provider cannot both link.
    UniqueConstraint("account_id", "provider"),
    ForeignKeyConstraint(["account_id", "org_id"], ["accounts.id", "accounts.org_id"], ondelete="CASCADE"),
)

sessions = Table(
    "sessions",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("org_id", BigInteger, nullable=False),
    Column("account_id", BigInteger, nullable=False),
    Column("token_sha256", String(64), nullable=False),
    Column("provider", String, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("last_seen_at", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    UniqueConstraint("token_sha256"),
    ForeignKeyConstraint(["account_id", "org_id"], ["accounts.id", "accounts.org_id"], ondelete="CASCADE"),
    Index(None, "account_id"),
    Index(None, "expires_at"),
    Index(None, "last_seen_at"),
)

spent_handoffs = Table(
    "spent_handoffs",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("issuer", String, nullable=False),
    Column("handoff_id", String, nullable=False),
    Column("org_id", BigInteger, nullable=False),
    Column("spent_until", UtcDateTime, nullable=False),
    UniqueConstraint("issuer", "handoff_id"),
    Index(None, "spent_until"),
)

audit_events = Table(
    "audit_events",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("at", UtcDateTime, nullable=False),
    Column("org_id", BigInteger, nullable=False),
    Column("account_id", BigInteger),  # no foreign key: the trail outlives the account
    Column("actor", String, nullable=False),
    Column("event", String, nullable=False),
    Column("provider", String),
    Column("uid_digest", String(16)),
    Column("evidence", String),
    Column("code", String),
    Column("rule", SmallInteger),
    Column("reference", String),
    Column("refused_handoff", String(64)),
    Column("cause", String(200)),
    Index(None, "org_id", "at"),
    Index(None, "refused_handoff", unique=True),
    Index(None, "reference"),
    sqlite_autoincrement=True,
)

claim_wishes = Table(
    "claim_wishes",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("org_id", BigInteger, nullable=False),
    Column("provider", String, nullable=False),
    Column("extern_uid", String, nullable=False),
    Column("held", Boolean, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("conflict", Boolean, nullable=False),
    Column("next_try_at", UtcDateTime, nullable=False),
    UniqueConstraint("org_id", "provider", "extern_uid"),
    Index(None, "next_try_at"),
    sqlite_autoincrement=True,
)
