"""An index by which a reference finds its audit rows among many millions.

The law: as of every migration, a released one is never changed; nothing but speed depends on it.
"""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Create the index."""
    op.create_index(None, "audit_events", ["reference"])
