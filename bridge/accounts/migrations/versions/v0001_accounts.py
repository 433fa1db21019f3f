"""The first tables: accounts, identities, sessions, spent handoffs, audit events.

The law: a migration that was released is never changed; the next one changes the tables.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "accounts",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("org_id", sa.BigInteger, nullable=False),
        sa.Column("email", sa.String, nullable=False),
        sa.Column("email_folded", sa.String, nullable=False),
        sa.Column("email_confirmed", sa.Boolean, nullable=False),
        sa.Column("username", sa.String, nullable=False),
        sa.Column("username_folded", sa.String, nullable=False),
        sa.Column("name", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("attributes", sa.JSON, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.UniqueConstraint("org_id", "email_folded"),
        sa.UniqueConstraint("org_id", "username_folded"),
        sa.UniqueConstraint("id", "org_id"),
        sa.CheckConstraint("state IN ('active', 'blocked', 'pending')", name="state"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "identities",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("org_id", sa.BigInteger, nullable=False),
        sa.Column("account_id", sa.BigInteger, nullable=False),
        sa.Column("provider", sa.String, nullable=False),
        sa.Column("extern_uid", sa.String, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.UniqueConstraint("org_id", "provider", "extern_uid"),
        sa.UniqueConstraint("account_id", "provider"),
        sa.ForeignKeyConstraint(["account_id", "org_id"], ["accounts.id", "accounts.org_id"], ondelete="CASCADE"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("org_id", sa.BigInteger, nullable=False),
        sa.Column("account_id", sa.BigInteger, nullable=False),
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("provider", sa.String, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("last_seen_at", _TIME, nullable=False),
        sa.Column("expires_at", _TIME, nullable=False),
        sa.UniqueConstraint("token_sha256"),
        sa.ForeignKeyConstraint(["account_id", "org_id"], ["accounts.id", "accounts.org_id"], ondelete="CASCADE"),
    )
    op.create_index(None, "sessions", ["account_id"])
    op.create_index(None, "sessions", ["expires_at"])
    op.create_index(None, "sessions", ["last_seen_at"])
    op.create_table(
        "spent_handoffs",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("issuer", sa.String, nullable=False),
        sa.Column("handoff_id", sa.String, nullable=False),
        sa.Column("org_id", sa.BigInteger, nullable=False),
        sa.Column("spent_until", _TIME, nullable=False),
        sa.UniqueConstraint("issuer", "handoff_id"),
    )
    op.create_index(None, "spent_handoffs", ["spent_until"])
    op.create_table(
        "audit_events",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("org_id", sa.BigInteger, nullable=False),
        sa.Column("account_id", sa.BigInteger),
        sa.Column("actor", sa.String, nullable=False),
        sa.Column("event", sa.String, nullable=False),
        sa.Column("provider", sa.String),
        sa.Column("uid_digest", sa.String(16)),
        sa.Column("evidence", sa.String),
        sa.Column("code", sa.String),
        sa.Column("rule", sa.SmallInteger),
        sa.Column("reference", sa.String),
        sqlite_autoincrement=True,
    )
    op.create_index(None, "audit_events", ["org_id", "at"])
