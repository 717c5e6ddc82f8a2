"""The tables."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from app.classifiers.spec import Split
from app.store.db import Base, UtcDateTime, new_id, now

Id = String(32)
Sha256 = String(64)
Name = String(40)


class Image(Base):
    """A labelled image of a classifier's dataset. `split` is null where nobody gave one: training draws it."""

    __tablename__ = "images"
    __table_args__ = (UniqueConstraint("classifier", "sha256"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    classifier: Mapped[str] = mapped_column(Name)
    sha256: Mapped[str] = mapped_column(Sha256)
    label: Mapped[str] = mapped_column(Name)
    split: Mapped[Split | None] = mapped_column(String(5))
    group: Mapped[str] = mapped_column(String(255))
    filename: Mapped[str] = mapped_column(String(255))
    source: Mapped[str] = mapped_column(String(40))
    width: Mapped[int]
    height: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class LeftOut(Base):
    """A file that was offered to a dataset and is not in it: unreadable, a duplicate, without a label, and so on."""

    __tablename__ = "left_out"
    __table_args__ = (UniqueConstraint("classifier", "source", "path"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    classifier: Mapped[str] = mapped_column(Name)
    source: Mapped[str] = mapped_column(String(40))
    path: Mapped[str] = mapped_column(String(255))
    kind: Mapped[str] = mapped_column(Name)
    reason: Mapped[str] = mapped_column(String(500))


class Compared(Base):
    """An image that has been compared with all those before it."""

    __tablename__ = "compared"

    classifier: Mapped[str] = mapped_column(Name, primary_key=True)
    sha256: Mapped[str] = mapped_column(Sha256, primary_key=True)


class NearDuplicate(Base):
    """Two images of a dataset that show the same; see `app.training.audit.copies.Pair` for the figures."""

    __tablename__ = "near_duplicates"

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


class Job(Base):
    """Long work and the truth about it: queued -> running -> succeeded, failed or cancelled.

    `percent` and `stage` say how far it is; `history` holds one record per epoch; `worker` is `host:pid` of the process
    that claimed it, `heartbeat_at` its last sign of life; `enqueued_at` is null until the queue has taken it.
    """

    __tablename__ = "jobs"
    __table_args__ = (Index("jobs_by_status", "status"), Index("jobs_by_time", "created_at"))

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    kind: Mapped[str] = mapped_column(Name)
    classifier: Mapped[str] = mapped_column(Name)
    status: Mapped[str] = mapped_column(String(9), default="queued")
    stage: Mapped[str] = mapped_column(Name, default="waiting")
    done: Mapped[int] = mapped_column(default=0)
    total: Mapped[int] = mapped_column(default=0)
    percent: Mapped[float] = mapped_column(default=0.0)
    params: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    history: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    errors: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    result: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    attempts: Mapped[int] = mapped_column(default=0)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    worker: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    enqueued_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    heartbeat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class JobItem(Base):
    """One image of a bulk prediction. Done when it has a prediction or an error."""

    __tablename__ = "job_items"
    __table_args__ = (Index("job_items_by_job", "job_id", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    position: Mapped[int]
    filename: Mapped[str] = mapped_column(String(255))
    sha256: Mapped[str] = mapped_column(Sha256)
    prediction_id: Mapped[str | None] = mapped_column(ForeignKey("predictions.id"))
    error: Mapped[str | None] = mapped_column(String(500))


class Prediction(Base):
    """One answer. `body` is the answer as it was given, `label` what a person said it should have been."""

    __tablename__ = "predictions"
    __table_args__ = (Index("predictions_by_time", "created_at"), Index("predictions_by_job", "job_id"))

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    classifier: Mapped[str] = mapped_column(Name)
    model_version: Mapped[int]
    job_id: Mapped[str | None] = mapped_column(Id)
    filename: Mapped[str | None] = mapped_column(String(255))
    sha256: Mapped[str] = mapped_column(Sha256)
    predicted_class: Mapped[str] = mapped_column(Name)
    confidence: Mapped[float]
    decision: Mapped[str] = mapped_column(Name)
    measures: Mapped[dict[str, float]] = mapped_column(JSON)
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    duration_ms: Mapped[float]
    label: Mapped[str | None] = mapped_column(Name)
    labelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class ModelVersion(Base):
    """A bundle that the registry has numbered. The card on disk is the truth about it; this row finds it."""

    __tablename__ = "model_versions"

    classifier: Mapped[str] = mapped_column(Name, primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    job_id: Mapped[str | None] = mapped_column(Id, unique=True)
    verdict: Mapped[dict[str, Any] | None] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class AliasMove(Base):
    """One move of an alias. The last move of each alias says where it points: nothing is overwritten.

    `undo` marks a rollback, which takes back the last promotion that still stands.
    """

    __tablename__ = "alias_moves"
    __table_args__ = (Index("alias_moves_by_alias", "classifier", "alias", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    classifier: Mapped[str] = mapped_column(Name)
    alias: Mapped[str] = mapped_column(String(10))
    version: Mapped[int | None]
    reason: Mapped[str] = mapped_column(String(500))
    undo: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class ApiKey(Base):
    """A key of the HTTP interface, kept as its SHA-256 only."""

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    sha256: Mapped[str] = mapped_column(Sha256, unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
