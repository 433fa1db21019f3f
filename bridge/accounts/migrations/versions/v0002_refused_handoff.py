"""Which handoff an audit row refused, so that posting it again adds no second row.

The law: as of every migration, a released one is never changed; rows from before have no handoff.
"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the column and its unique index: on SQLite a constraint would copy the whole table."""
    op.add_column("audit_events", sa.Column("refused_handoff", sa.String(64)))
    op.create_index(None, "audit_events", ["refused_handoff"], unique=True)
