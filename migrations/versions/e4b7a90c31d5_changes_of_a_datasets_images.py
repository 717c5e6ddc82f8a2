"""Changes of a dataset's images: tags, what was changed and can be undone, what was removed; indexes to browse by."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "e4b7a90c31d5"
down_revision = "e2b7f4d81c06"
branch_labels = None
depends_on = None

INDEXES = {
    "images_by_label": ["classifier", "label", "id"],
    "images_by_split": ["classifier", "split", "id"],
    "images_by_source": ["classifier", "source", "id"],
    "images_by_used": ["classifier", "used", "id"],
    "images_by_arrival": ["classifier", "id"],
    "images_by_name": ["classifier", "filename", "id"],
    "images_by_group": ["classifier", "group"],
}


def upgrade() -> None:
    """Go up to this revision."""
    op.create_table(
        "dataset_changes",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("classifier", sa.String(length=40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(length=40), nullable=False),
        sa.Column("actor", sa.String(length=120), nullable=False),
        sa.Column("reason", sa.String(length=500), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("undoes", sa.Integer(), nullable=True),
        sa.Column("undone_by", sa.Integer(), nullable=True),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_dataset_changes")),
        sa.UniqueConstraint("classifier", "number", name=op.f("uq_dataset_changes_classifier_number")),
    )
    op.create_table(
        "image_changes",
        sa.Column("change_id", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("before", sa.JSON(), nullable=True),
        sa.Column("after", sa.JSON(), nullable=True),
        sa.ForeignKeyConstraint(
            ["change_id"],
            ["dataset_changes.id"],
            name=op.f("fk_image_changes_change_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("change_id", "sha256", name=op.f("pk_image_changes")),
    )
    op.create_table(
        "removed_images",
        sa.Column("classifier", sa.String(length=40), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("group", sa.String(length=255), nullable=False),
        sa.Column("used", sa.String(length=5), nullable=True),
        sa.Column("tested", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("removed_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("classifier", "sha256", name=op.f("pk_removed_images")),
    )
    op.create_table(
        "image_tags",
        sa.Column("image_id", sa.Integer(), nullable=False),
        sa.Column("tag", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["image_id"], ["images.id"], name=op.f("fk_image_tags_image_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("image_id", "tag", name=op.f("pk_image_tags")),
    )
    op.create_index("images_by_tag", "image_tags", ["tag", "image_id"])
    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.add_column(sa.Column("placed", sa.Boolean(), server_default=sa.false(), nullable=False))
        for name, columns in INDEXES.items():
            batch_op.create_index(name, columns)
    op.create_index("near_duplicates_by_second", "near_duplicates", ["classifier", "second"])


def downgrade() -> None:
    """Go back to the revision before."""
    op.drop_index("near_duplicates_by_second", table_name="near_duplicates")
    op.drop_table("image_tags")
    with op.batch_alter_table("images", schema=None) as batch_op:
        for name in INDEXES:
            batch_op.drop_index(name)
        batch_op.drop_column("placed")
    for table in ("image_changes", "dataset_changes", "removed_images"):
        op.drop_table(table)
