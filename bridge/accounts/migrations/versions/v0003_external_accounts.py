"""Which accounts are of outsiders, and an operator's word for why something was changed.

The law: as of every migration, a released one is never changed; nobody from before is an outsider.
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns; the default is for rows from before and for a cell that is not restarted yet."""
    op.add_column("accounts", sa.Column("external", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("audit_events", sa.Column("cause", sa.String(200)))
