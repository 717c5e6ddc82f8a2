"""Predictions by image."""

from __future__ import annotations

from alembic import op

revision = "7a4e2d91c3b8"
down_revision = "7be2a90c41d5"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go up to this revision."""
    columns = ["sha256", "classifier", "model_version", "created_at"]
    with op.batch_alter_table("predictions", schema=None) as batch_op:
        batch_op.create_index("predictions_by_image", columns, unique=False)


def downgrade() -> None:
    """Go back to the revision before."""
    with op.batch_alter_table("predictions", schema=None) as batch_op:
        batch_op.drop_index("predictions_by_image")
