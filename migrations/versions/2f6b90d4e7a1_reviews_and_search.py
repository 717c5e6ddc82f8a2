"""Reviews of predictions, whose photograph it was, and an index to search by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "2f6b90d4e7a1"
down_revision = "7a3e51c0d9b4"
branch_labels = None
depends_on = None

SEARCHED = ["created_at", "id", "classifier", "decision", "predicted_class", "patient", "filename"]


def upgrade() -> None:
    """Go up to this revision."""
    op.create_table(
        "reviews",
        sa.Column("prediction_id", sa.String(length=32), nullable=False),
        sa.Column("reviewer", sa.String(length=120), nullable=False),
        sa.Column("verdict", sa.String(length=10), nullable=False),
        sa.Column("label", sa.String(length=40), nullable=True),
        sa.Column("note", sa.String(length=2000), nullable=True),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["prediction_id"], ["predictions.id"], name=op.f("fk_reviews_prediction_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("prediction_id", "reviewer", name=op.f("pk_reviews")),
    )
    op.add_column("predictions", sa.Column("patient", sa.String(length=80), nullable=True))
    op.add_column("predictions", sa.Column("eye", sa.String(length=5), nullable=True))
    op.create_index("predictions_search", "predictions", SEARCHED)


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index("predictions_search", "predictions")
    op.drop_column("predictions", "eye")
    op.drop_column("predictions", "patient")
    op.drop_table("reviews")
