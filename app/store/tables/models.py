"""The tables of model versions and where they answer."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from app.actor import current_actor
from app.store.db import Base, Text, UtcDateTime, now
from app.store.tables.columns import Id, Name, Sha256

TrafficMode = Literal["off", "shadow", "canary"]


class ModelVersion(Base):
    """A bundle that the registry has numbered. Its card is the truth about it; this row finds it.

    `bundle`: the SHA-256 of the card in a shared storage; None where the bundle lies on this machine only.
    """

    __tablename__ = "model_versions"

    classifier: Mapped[str] = mapped_column(Name, primary_key=True)
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    job_id: Mapped[str | None] = mapped_column(Id, unique=True)
    bundle: Mapped[str | None] = mapped_column(Sha256)
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
    reason: Mapped[str] = mapped_column(Text(500))
    actor: Mapped[str | None] = mapped_column(Text(120), default=current_actor.get)
    undo: Mapped[bool] = mapped_column(default=False)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class ChallengerTraffic(Base):
    """One setting of what a classifier's challenger gets to answer: the last row of a classifier is in force.

    It holds for that `version` only, so that whatever becomes challenger later gets no traffic by accident.
    """

    __tablename__ = "challenger_traffic"
    __table_args__ = (Index("challenger_traffic_by_classifier", "classifier", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    classifier: Mapped[str] = mapped_column(Name)
    version: Mapped[int]
    mode: Mapped[TrafficMode] = mapped_column(String(6))
    percent: Mapped[float]
    reason: Mapped[str] = mapped_column(Text(500))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class ShadowAnswer(Base):
    """What a challenger would have answered; nobody was given it. `error` says why there is none.

    The `_ms` are the computing time of either model. `dropped` counts the requests that its process, too busy, kept
    from the challenger since the row before.
    """

    __tablename__ = "shadow_answers"
    __table_args__ = (Index("shadow_answers_by_pair", "classifier", "challenger_version", "champion_version"),)

    prediction_id: Mapped[str] = mapped_column(ForeignKey("predictions.id", ondelete="CASCADE"), primary_key=True)
    classifier: Mapped[str] = mapped_column(Name)
    champion_version: Mapped[int]
    challenger_version: Mapped[int]
    predicted_class: Mapped[str | None] = mapped_column(Name)
    confidence: Mapped[float | None]
    decision: Mapped[str | None] = mapped_column(Name)
    champion_ms: Mapped[float]
    challenger_ms: Mapped[float | None]
    error: Mapped[str | None] = mapped_column(Text(500))
    dropped: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
