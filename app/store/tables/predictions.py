"""The log of answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, Index
from sqlalchemy.orm import Mapped, mapped_column

from app.store.db import Base, Text, UtcDateTime, new_id, now
from app.store.tables.columns import Id, Name, Sha256


class Prediction(Base):
    """One answer. `body` is the answer as it was given, `label` what a person said it should have been."""

    __tablename__ = "predictions"
    __table_args__ = (Index("predictions_by_time", "created_at"), Index("predictions_by_job", "job_id"))

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    classifier: Mapped[str] = mapped_column(Name)
    model_version: Mapped[int]
    job_id: Mapped[str | None] = mapped_column(Id)
    filename: Mapped[str | None] = mapped_column(Text(255))
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
