"""What the topology has yet to be told about identities.

The law: as of every migration, a released one is never changed; identities from before are told as well.
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_ID = sa.BigInteger().with_variant(sa.Integer, "sqlite")
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    """Create the table, and wish that the topology knows every identity of an organization (0 is the legacy cell itself)."""
    op.create_table(
        "claim_wishes",
        sa.Column("id", _ID, primary_key=True),
        sa.Column("org_id", sa.BigInteger, nullable=False),
        sa.Column("provider", sa.String, nullable=False),
        sa.Column("extern_uid", sa.String, nullable=False),
        sa.Column("held", sa.Boolean, nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("conflict", sa.Boolean, nullable=False),
        sa.Column("next_try_at", _TIME, nullable=False),
        sa.UniqueConstraint("org_id", "provider", "extern_uid"),
        sqlite_autoincrement=True,
    )
    op.create_index(None, "claim_wishes", ["next_try_at"])
    op.execute(
        "INSERT INTO claim_wishes (org_id, provider, extern_uid, held, tries, conflict, next_try_at)"
        " SELECT org_id, provider, extern_uid, true, 0, false, created_at FROM identities WHERE org_id <> 0"
    )
