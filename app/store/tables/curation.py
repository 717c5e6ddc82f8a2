"""The tables of what people changed about a dataset's images: tags, changes that can be undone, images removed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from app.classifiers.spec import Split
from app.store.db import Base, Text, UtcDateTime, now
from app.store.tables.columns import Name, Sha256


class ImageTag(Base):
    """A word that somebody gave an image."""

    __tablename__ = "image_tags"
    __table_args__ = (Index("images_by_tag", "tag", "image_id"),)

    image_id: Mapped[int] = mapped_column(ForeignKey("images.id", ondelete="CASCADE"), primary_key=True)
    tag: Mapped[str] = mapped_column(Name, primary_key=True)


class DatasetChange(Base):
    """One change of a dataset by somebody: its `number` is the revision that the dataset has from then on.

    A change that takes back another names it in `undoes`, and is named in that one's `undone_by`.
    """

    __tablename__ = "dataset_changes"
    __table_args__ = (UniqueConstraint("classifier", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    classifier: Mapped[str] = mapped_column(Name)
    number: Mapped[int]
    action: Mapped[str] = mapped_column(Name)
    actor: Mapped[str] = mapped_column(Text(120))
    reason: Mapped[str] = mapped_column(Text(500))
    images: Mapped[int]
    undoes: Mapped[int | None]
    undone_by: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class ImageChange(Base):
    """What a change did to one image: the values that it had `before`, and those `after`; null where it is not there.

    Of an image that was removed, or brought back, all values are kept; otherwise those that changed.
    """

    __tablename__ = "image_changes"

    change_id: Mapped[int] = mapped_column(ForeignKey("dataset_changes.id", ondelete="CASCADE"), primary_key=True)
    sha256: Mapped[str] = mapped_column(Sha256, primary_key=True)
    before: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    after: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))


class RemovedImage(Base):
    """An image that was removed, as far as the others must know of it: `used` and `tested` as in `Image`."""

    __tablename__ = "removed_images"

    classifier: Mapped[str] = mapped_column(Name, primary_key=True)
    sha256: Mapped[str] = mapped_column(Sha256, primary_key=True)
    group: Mapped[str] = mapped_column(Text(255))
    used: Mapped[Split | None] = mapped_column(String(5))
    tested: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    removed_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
