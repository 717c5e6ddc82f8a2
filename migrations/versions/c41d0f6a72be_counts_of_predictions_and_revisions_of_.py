"""Counts of predictions, and revisions of datasets."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from alembic import op

revision = "c41d0f6a72be"
down_revision = "5d1c7e0b92a4"
branch_labels = None
depends_on = None

_BEGINNING = datetime(1970, 1, 1)  # noqa: DTZ001 - as the column keeps it


def upgrade() -> None:
    """Go up to this revision."""
    op.create_table(
        "prediction_hours",
        sa.Column("hour", sa.String(length=13), nullable=False),
        sa.Column("classifier", sa.String(length=40), nullable=False),
        sa.Column("predicted_class", sa.String(length=40), nullable=False),
        sa.Column("decision", sa.String(length=40), nullable=False),
        sa.Column("predictions", sa.Integer(), nullable=False),
        sa.Column("labelled", sa.Integer(), nullable=False),
        sa.Column("correct", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("hour", "classifier", "predicted_class", "decision", name=op.f("pk_prediction_hours")),
    )
    counted = op.create_table(
        "counted",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("until", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_counted")),
    )
    op.execute(sa.insert(counted).values(id=1, until=_BEGINNING))
    with op.batch_alter_table("predictions", schema=None) as batch_op:
        batch_op.create_index("predictions_by_classifier", ["classifier", "created_at", "model_version"], unique=False)
        batch_op.create_index(
            "predictions_labelled",
            ["labelled_at", "classifier", "sha256"],
            unique=False,
            sqlite_where=sa.text("label IS NOT NULL"),
            postgresql_where=sa.text("label IS NOT NULL"),
        )

    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.add_column(sa.Column("updated_at", sa.DateTime(), nullable=True))
    op.execute("UPDATE images SET updated_at = created_at")
    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.alter_column("updated_at", existing_type=sa.DateTime(), nullable=False)
        batch_op.create_index("images_by_update", ["classifier", "updated_at"], unique=False)


def downgrade() -> None:
    """Go back to the revision before."""
    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.drop_index("images_by_update")
        batch_op.drop_column("updated_at")

    with op.batch_alter_table("predictions", schema=None) as batch_op:
        batch_op.drop_index("predictions_labelled")
        batch_op.drop_index("predictions_by_classifier")

    op.drop_table("counted")
    op.drop_table("prediction_hours")
