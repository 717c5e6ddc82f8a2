"""The log of answers."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from sqlalchemy import JSON, ForeignKey, Index, String, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.store.db import Base, Text, UtcDateTime, new_id, now
from app.store.tables.columns import Id, Name, Sha256

SEARCHED: Final = ("classifier", "decision", "predicted_class", "patient", "filename")
_LABELLED: Final = text("label IS NOT NULL")


class Prediction(Base):
    """One answer. `body` is the answer as it was given, `label` what a person said it should have been.

    `patient` and `eye` are what the caller said of the photograph.
    """

    __tablename__ = "predictions"
    __table_args__ = (
        Index("predictions_by_time", "created_at"),
        Index("predictions_by_job", "job_id"),
        # All that a search looks at, so that it reads no answer that it does not give.
        Index("predictions_search", "created_at", "id", *SEARCHED),
        Index("predictions_by_classifier", "classifier", "created_at", "model_version"),
        Index("predictions_by_image", "sha256", "classifier", "model_version", "created_at"),
        Index(
            "predictions_labelled",
            "labelled_at",
            "classifier",
            "sha256",
            sqlite_where=_LABELLED,
            postgresql_where=_LABELLED,
        ),
    )

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
    patient: Mapped[str | None] = mapped_column(Text(80))
    eye: Mapped[str | None] = mapped_column(String(5))
    label: Mapped[str | None] = mapped_column(Name)
    labelled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    reviews: Mapped[list[Review]] = relationship(order_by="Review.at", passive_deletes=True)


class Review(Base):
    """What a reviewer says of an answer; each reviewer has one verdict on it, the last one given.

    `label` is the class that the image shows instead, where the verdict is `wrong` and the reviewer knows.
    """

    __tablename__ = "reviews"

    prediction_id: Mapped[str] = mapped_column(ForeignKey("predictions.id", ondelete="CASCADE"), primary_key=True)
    reviewer: Mapped[str] = mapped_column(Text(120), primary_key=True)
    verdict: Mapped[str] = mapped_column(String(10))
    label: Mapped[str | None] = mapped_column(Name)
    note: Mapped[str | None] = mapped_column(Text(2000))
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class PredictionHour(Base):
    """How many predictions of an hour ("2026-01-02 03", UTC) there are, labelled and correct ones, by what they say.

    Only those before `Counted.until` are in it.
    """

    __tablename__ = "prediction_hours"

    hour: Mapped[str] = mapped_column(String(13), primary_key=True)
    classifier: Mapped[str] = mapped_column(Name, primary_key=True)
    predicted_class: Mapped[str] = mapped_column(Name, primary_key=True)
    decision: Mapped[str] = mapped_column(Name, primary_key=True)
    predictions: Mapped[int]
    labelled: Mapped[int]
    correct: Mapped[int]


class Counted(Base):
    """The one row that says which predictions are counted: those before `until`. Who changes counts updates it first.

    That makes all others wait who would change them, too.
    """

    __tablename__ = "counted"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    until: Mapped[datetime] = mapped_column(UtcDateTime)
