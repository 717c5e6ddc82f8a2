"""The tables of who may ask and who is told."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from app.store.db import Base, Text, UtcDateTime, new_id, now
from app.store.tables.columns import Id, Name, Sha256


class Delivery(Base):
    """Something to tell the webhook, written in the transaction that changed it: sent until it is taken or given up.

    `due_at` says when to try next, null once that is over; `error` is what the last try came to.
    """

    __tablename__ = "deliveries"

    id: Mapped[str] = mapped_column(Id, primary_key=True, default=new_id)
    event: Mapped[str] = mapped_column(Name)
    body: Mapped[dict[str, Any]] = mapped_column(JSON)
    attempts: Mapped[int] = mapped_column(default=0)
    due_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=now, index=True)
    delivered_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    error: Mapped[str | None] = mapped_column(Text(500))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class ApiKey(Base):
    """A key of the HTTP interface, kept as its SHA-256 only."""

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(Text(80))
    sha256: Mapped[str] = mapped_column(Sha256, unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Session(Base):
    """Somebody who signed in with a key, kept as the SHA-256 of what the cookie carries. It goes with its key.

    It names the key by its hash: a row number would be another key's in another database, or after a deletion.
    """

    __tablename__ = "sessions"

    sha256: Mapped[str] = mapped_column(Sha256, primary_key=True)
    key_sha256: Mapped[str] = mapped_column(ForeignKey("api_keys.sha256", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
