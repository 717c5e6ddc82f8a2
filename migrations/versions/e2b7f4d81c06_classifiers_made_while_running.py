"""Classifiers that people make while the service runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "e2b7f4d81c06"
down_revision = "7a4e2d91c3b8"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go up to this revision."""
    op.create_table(
        "classifiers",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("spec", sa.JSON(), nullable=False),
        sa.Column("revision", sa.String(length=32), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("updated_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_classifiers")),
    )


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_table("classifiers")
