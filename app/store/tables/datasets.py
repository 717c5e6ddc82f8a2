"""The tables of datasets and what was found out about them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, Index, LargeBinary, String, UniqueConstraint, false, text
from sqlalchemy.orm import Mapped, mapped_column

from app.classifiers.spec import Split
from app.store.db import Base, Text, UtcDateTime, now
from app.store.tables.columns import Name, Sha256

CORRECTION: Final = "feedback"  # the source of an image that somebody said was answered wrongly or rightly


class Image(Base):
    """A labelled image of a classifier's dataset. `split` is null where nobody gave one: training draws it.

    `used` is the earliest split that a dataset version had it in, in the order train, val, test: what was learned from
    never tests. `tested` counts the times that a model was tested on it. `placed` says that somebody chose the split
    of this image and its group by hand: training keeps it.
    """

    __tablename__ = "images"
    __table_args__ = (
        UniqueConstraint("classifier", "sha256"),
        Index("images_by_update", "classifier", "updated_at"),
        *(Index(f"images_by_{column}", "classifier", column, "id") for column in ("label", "split", "source", "used")),
        Index("images_by_arrival", "classifier", "id"),
        Index("images_by_name", "classifier", "filename", "id"),
        Index("images_by_group", "classifier", "group"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    classifier: Mapped[str] = mapped_column(Name)
    sha256: Mapped[str] = mapped_column(Sha256)
    label: Mapped[str] = mapped_column(Name)
    split: Mapped[Split | None] = mapped_column(String(5))
    group: Mapped[str] = mapped_column(Text(255))
    filename: Mapped[str] = mapped_column(Text(255))
    source: Mapped[str] = mapped_column(Text(40))
    width: Mapped[int]
    height: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now, onupdate=now)
    used: Mapped[Split | None] = mapped_column(String(5))
    tested: Mapped[int] = mapped_column(default=0, server_default=text("0"))
    placed: Mapped[bool] = mapped_column(default=False, server_default=false())


class RejectedFile(Base):
    """A file that was offered to a dataset and is not in it: unreadable, a duplicate, without a label, and so on."""

    __tablename__ = "left_out"
    __table_args__ = (UniqueConstraint("classifier", "source", "path"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    classifier: Mapped[str] = mapped_column(Name)
    source: Mapped[str] = mapped_column(Text(40))
    path: Mapped[str] = mapped_column(Text(255))
    kind: Mapped[str] = mapped_column(Name)
    reason: Mapped[str] = mapped_column(Text(500))


class Compared(Base):
    """An image that has been compared with all those before it."""

    __tablename__ = "compared"

    classifier: Mapped[str] = mapped_column(Name, primary_key=True)
    sha256: Mapped[str] = mapped_column(Sha256, primary_key=True)


class NearDuplicate(Base):
    """Two images of a dataset that show the same; see `app.training.audit.copies.Pair` for the figures."""

    __tablename__ = "near_duplicates"
    __table_args__ = (Index("near_duplicates_by_second", "classifier", "second"),)

    classifier: Mapped[str] = mapped_column(Name, primary_key=True)
    first: Mapped[str] = mapped_column(Sha256, primary_key=True)
    second: Mapped[str] = mapped_column(Sha256, primary_key=True)
    similarity: Mapped[float]
    unmoved: Mapped[float]
    turn: Mapped[float]
    mirrored: Mapped[bool]


class DatasetVersion(Base):
    """A dataset as a training run used it: never changed, named by the hash of its manifest (kept compressed).

    `left_out` lists the images that were kept out of it, each with the reason.
    """

    __tablename__ = "dataset_versions"

    id: Mapped[str] = mapped_column(Sha256, primary_key=True)
    classifier: Mapped[str] = mapped_column(Name, primary_key=True)
    images: Mapped[int]
    counts: Mapped[dict[str, dict[str, int]]] = mapped_column(JSON)
    left_out: Mapped[list[dict[str, str]]] = mapped_column(JSON)
    manifest: Mapped[bytes] = mapped_column(LargeBinary, deferred=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class AuditReport(Base):
    """The last audit of a classifier's dataset, and the hash of the manifest that it looked at."""

    __tablename__ = "audit_reports"

    classifier: Mapped[str] = mapped_column(Name, primary_key=True)
    dataset_version: Mapped[str] = mapped_column(Sha256)
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
