"""Time left of jobs, and what their stages took."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "7be2a90c41d5"
down_revision = "2f6b90d4e7a1"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go up to this revision."""
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.add_column(sa.Column("ends_at", sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column("sure_until", sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column("timings", sa.JSON(), server_default=sa.text("'{}'"), nullable=False))


def downgrade() -> None:
    """Go back to the revision before."""
    with op.batch_alter_table("jobs", schema=None) as batch_op:
        batch_op.drop_column("timings")
        batch_op.drop_column("sure_until")
        batch_op.drop_column("ends_at")
