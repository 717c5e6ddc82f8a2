"""Who did what: the audit log, what keys may do, and who started jobs and moved aliases."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "7a3e51c0d9b4"
down_revision = "c41d0f6a72be"
branch_labels = None
depends_on = None

EVERYTHING = "read predict review label train promote administer"  # which keys could do before there were scopes


def upgrade() -> None:
    """Go up to this revision."""
    op.create_table(
        "audit_log",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=200), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("previous", sa.String(length=64), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_log")),
    )
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.add_column(sa.Column("scopes", sa.String(length=200), nullable=False, server_default=EVERYTHING))
        batch_op.add_column(sa.Column("expires_at", sa.DateTime(), nullable=True))
        batch_op.add_column(sa.Column("last_used_at", sa.DateTime(), nullable=True))
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        batch_op.alter_column("scopes", server_default=None)
    for table in ("jobs", "alias_moves"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.add_column(sa.Column("actor", sa.String(length=120), nullable=True))


def downgrade() -> None:
    """Go back to the revision before."""
    for table in ("alias_moves", "jobs"):
        with op.batch_alter_table(table, schema=None) as batch_op:
            batch_op.drop_column("actor")
    with op.batch_alter_table("api_keys", schema=None) as batch_op:
        for column in ("last_used_at", "expires_at", "scopes"):
            batch_op.drop_column(column)
    op.drop_table("audit_log")
