"""Where images were used."""

from __future__ import annotations

import csv
import io
import zlib

import sqlalchemy as sa
from alembic import op

revision = "5d1c7e0b92a4"
down_revision = "b0ba8b9aba9a"
branch_labels = None
depends_on = None

ORDER = ("train", "val", "test")
IMAGES = sa.table("images", sa.column("classifier"), sa.column("sha256"), sa.column("used"))
VERSIONS = sa.table("dataset_versions", sa.column("classifier"), sa.column("manifest", sa.LargeBinary))


def upgrade() -> None:
    """Go up to this revision; the manifests say what each image was used for until now."""
    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.add_column(sa.Column("used", sa.String(length=5), nullable=True))
        batch_op.add_column(sa.Column("tested", sa.Integer(), server_default=sa.text("0"), nullable=False))
    connection = op.get_bind()
    found: dict[tuple[str, str], str] = {}
    for classifier, manifest in connection.execute(sa.select(VERSIONS.c.classifier, VERSIONS.c.manifest)).all():
        for row in csv.DictReader(io.StringIO(zlib.decompress(manifest).decode())):
            key = classifier, row["sha256"]
            found[key] = min(row["split"], found.get(key, "test"), key=ORDER.index)
    for (classifier, sha256), split in found.items():
        named = sa.and_(IMAGES.c.classifier == classifier, IMAGES.c.sha256 == sha256)
        connection.execute(sa.update(IMAGES).where(named).values(used=split))


def downgrade() -> None:
    """Go back to the revision before."""
    with op.batch_alter_table("images", schema=None) as batch_op:
        batch_op.drop_column("tested")
        batch_op.drop_column("used")
