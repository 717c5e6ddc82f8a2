"""The tables of long work."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String, false, text
from sqlalchemy.orm import Mapped, mapped_column

from app.actor import current_actor
from app.logs import current_request
from app.store.db import Base, Text, UtcDateTime, new_id, now
from app.store.tables.columns import Id, Name, Sha256

_TRAINS = text("kind = 'retrain' AND status = 'running'")


class Job(Base):
    """Long work and the truth about it: queued -> running -> succeeded, failed or cancelled.

    `percent` and `stage` say how far it is, `stage_at` and `stage_percent` where the present stage began; `ends_at` is
    when it is likely to end, null where that is not known, and after `sure_until` it no longer is. `timings` are, for
    each stage, the seconds that it takes by default and those that it took. `history` holds one record per epoch;
    `worker` is `host:pid` of the process that claimed it (null where several share it), `heartbeat_at` the last sign of
    life; `enqueued_at` is null until the queue has taken it. `keep`: cancelled, a training leaves its best epoch
    behind. `request_id` is that of the HTTP request which started it, `actor` who did.
    """

    __tablename__ = "jobs"
    __table_args__ = (
        Index("jobs_by_status", "status"),
        Index("jobs_by_time", "created_at"),
        # The running job is the lock: of one classifier the database lets one training run at a time.
        Index("jobs_trained_alone", "classifier", unique=True, sqlite_where=_TRAINS, postgresql_where=_TRAINS),
    )

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
    keep: Mapped[bool] = mapped_column(default=False, server_default=false())
    stage_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    stage_percent: Mapped[float] = mapped_column(default=0.0, server_default=text("0"))
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    sure_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    timings: Mapped[dict[str, list[float]]] = mapped_column(JSON, default=dict, server_default=text("'{}'"))
    worker: Mapped[str | None] = mapped_column(Text(255))
    request_id: Mapped[str | None] = mapped_column(Text(64), default=current_request.get)
    actor: Mapped[str | None] = mapped_column(Text(120), default=current_actor.get)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    enqueued_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    heartbeat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class JobEvent(Base):
    """Something that happened to a job: the time, the status from then on, and the cause. Only ever added to."""

    __tablename__ = "job_events"
    __table_args__ = (Index("job_events_by_job", "job_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    status: Mapped[str] = mapped_column(String(9))
    cause: Mapped[str] = mapped_column(Text(500))


class JobChunk(Base):
    """Images `first` up to, not including, `end` of a bulk prediction: what one worker answers in one go.

    `worker` is the process that has it now, null while it is free; `claims` counts the owners it had. `stuck` counts
    the times in a row that the work ended too soon at the image `stuck_at`; nobody tries again before `not_before`.
    """

    __tablename__ = "job_chunks"

    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), primary_key=True)
    first: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    end: Mapped[int]
    finished: Mapped[bool] = mapped_column(default=False)
    worker: Mapped[str | None] = mapped_column(Text(255), index=True)
    heartbeat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    claims: Mapped[int] = mapped_column(default=0)
    stuck_at: Mapped[int | None]
    stuck: Mapped[int] = mapped_column(default=0)
    not_before: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RequestKey(Base):
    """An Idempotency-Key that a client sent, what it sent with it (as a hash), and the job that came of it."""

    __tablename__ = "request_keys"

    key: Mapped[str] = mapped_column(Text(200), primary_key=True)
    fingerprint: Mapped[str] = mapped_column(Sha256)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)


class JobItem(Base):
    """One file of a bulk prediction. Done when it has a prediction or an error; `sha256` is null if it was no use."""

    __tablename__ = "job_items"
    __table_args__ = (
        Index("job_items_by_job", "job_id", "position"),
        Index("job_items_by_prediction", "prediction_id"),  # without it each deleted prediction reads the whole table
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    job_id: Mapped[str] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    position: Mapped[int]
    filename: Mapped[str] = mapped_column(Text(255))
    sha256: Mapped[str | None] = mapped_column(Sha256)
    prediction_id: Mapped[str | None] = mapped_column(ForeignKey("predictions.id"))
    error: Mapped[str | None] = mapped_column(Text(500))
